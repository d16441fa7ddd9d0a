// A list that has elements only for the rows on the screen, so that ten thousand rows cost as much as thirty.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";

const MORE = 8; // rows above and below the screen

/**
 * `row(item, index)` returns the content of an item; all rows have the same height, of the style `--row`. `kept` is the
 * key of an item whose row always exists.
 */
export function WindowedList({ items, keyOf, row, label, onEnd, kept }) {
  const box = useRef();
  const [range, setRange] = useState({ from: 0, to: 30, height: 72 });
  const measure = () => {
    if (!box.current) return;
    const { scrollTop, clientHeight } = box.current;
    const height = parseFloat(getComputedStyle(box.current).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize) || 72;
    const from = Math.max(0, Math.floor(scrollTop / height) - MORE);
    const to = Math.ceil((scrollTop + clientHeight) / height) + MORE;
    setRange((held) => (held.from === from && held.to === to && held.height === height ? held : { from, to, height }));
    if (scrollTop + clientHeight > items.length * height - 10 * height) onEnd?.();
  };
  useLayoutEffect(measure, [items.length]);
  useEffect(() => {
    const watcher = new ResizeObserver(measure);
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, [items.length]);
  // The row of the key `kept` always exists, so that the keyboard does not lose its place.
  const shown = items.slice(range.from, range.to).map((item, offset) => [item, range.from + offset]);
  const at = kept ? items.findIndex((item) => keyOf(item) === kept) : -1;
  if (at >= 0 && (at < range.from || at >= range.to)) shown.push([items[at], at]);
  const keys = (event) => {
    const link = event.target.closest("[data-index]");
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!link || !step || event.altKey) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(items.length - 1, Number(link.dataset.index) + step));
    const top = index * range.height;
    const { scrollTop, clientHeight } = box.current;
    if (top < scrollTop) box.current.scrollTop = top;
    else if (top + range.height > scrollTop + clientHeight) box.current.scrollTop = top + range.height - clientHeight;
    measure();
    requestAnimationFrame(() => box.current?.querySelector(`[data-index="${index}"]`)?.focus({ preventScroll: true }));
  };
  return html`<div class="windowed" ref=${box} onScroll=${measure} onKeyDown=${keys}>
    <ul aria-label=${label} style=${{ height: `${items.length * range.height}px` }}>
      ${shown.map(([item, index]) => html`<li key=${keyOf(item)} style=${{ transform: `translateY(${index * range.height}px)` }} aria-setsize=${items.length} aria-posinset=${index + 1}>${row(item, index)}</li>`)}
    </ul>
  </div>`;
}
