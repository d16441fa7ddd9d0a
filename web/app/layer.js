// The layer above the page: menus, pop-ups, dialogs, short notices, and texts for screen readers.
import { Icon } from "./icons.js";
import { classes, createPortal, html, signal, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";

const floating = signal(null);
const notices = signal([]);
const asked = signal(null);
const spoken = signal({ text: "", turn: 0 });
let turn = 0;

/** The open modal dialogs. Elements outside of the last one are inert, so menus and notices must be in it. */
const dialogs = signal([]);
const onTop = (content) => (dialogs.value.length ? createPortal(content, dialogs.value.at(-1)) : content);

/** Opens a dialog when it is mounted, and returns the focus when it is removed. */
export function useModal(box, focus) {
  useLayoutEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog.showModal();
    focus?.(dialog);
    dialogs.value = [...dialogs.value, dialog];
    return () => {
      dialogs.value = dialogs.value.filter((each) => each !== dialog);
      floating.value = null;
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
}

/** Keeps the focus in a box whose focused control goes away, such as the row of a member who is removed. */
export function useKeptFocus(box) {
  useEffect(() => {
    let isInside = false;
    const note = ({ target }) => (isInside = box.current?.contains(target) ?? false);
    const watcher = new MutationObserver(() => isInside && document.activeElement === document.body && box.current?.focus());
    addEventListener("focusin", note);
    watcher.observe(box.current, { childList: true, subtree: true });
    return () => {
      removeEventListener("focusin", note);
      watcher.disconnect();
    };
  }, []);
}

/** Says a text to screen readers. */
export const say = (text) => (spoken.value = { text, turn: ++turn });

/** Shows a short notice; `action` is `{label, run}`. */
export function notify(text, { kind = "info", action } = {}) {
  const notice = { id: ++turn, text, kind, action };
  notices.value = [...notices.value.slice(-2), notice];
  setTimeout(() => dismiss(notice.id), kind === "error" || action ? 8000 : 4000);
}
const dismiss = (id) => (notices.value = notices.value.filter((notice) => notice.id !== id));

/** Asks for a confirmation; resolves with the chosen value, or undefined. */
export const ask = ({ title, text, choices }) => new Promise((resolve) => (asked.value = { title, text, choices, resolve }));

/** Asks for a confirmation with the single answer `label`; resolves with true, or undefined. */
export const isSure = (title, text, label) => ask({ title, text, choices: [{ label, value: true, isDanger: true }] });

/** Opens a menu at a control; items are `{label, icon, run, isDanger}` or "-". */
export const openMenu = (control, items, label = "Menu", at = control) => float(control, { label, items: items.filter(Boolean) }, at);

/** Opens any content at a control: `content(close)` returns elements. */
export const openPopup = (control, content, label, at = control) => float(control, { label, content }, at);

function float(control, what, at = control) {
  const { left, right, top, bottom } = at.getBoundingClientRect();
  floating.value = { ...what, control, place: { left, right, top, bottom }, id: ++turn };
}

function close(refocus = true) {
  const control = floating.value?.control;
  floating.value = null;
  if (refocus) control?.focus?.();
}

function Floating() {
  const box = useRef();
  const [spot, setSpot] = useState(null);
  const open = floating.value;
  const put = () => {
    const { offsetWidth: width, offsetHeight: height } = box.current;
    const isRtl = getComputedStyle(open.control).direction === "rtl";
    const { left, right, top, bottom } = open.place;
    const wanted = isRtl ? left : right - width;
    const inline = left < innerWidth / 3 && !isRtl ? left : wanted;
    const block = bottom + 6 + height < innerHeight ? bottom + 6 : top - 6 - height;
    setSpot({ left: Math.max(8, Math.min(inline, innerWidth - width - 8)), top: Math.max(8, Math.min(block, innerHeight - height - 8)) });
  };
  useLayoutEffect(() => {
    if (!open) return setSpot(null);
    put();
    if (open.items) box.current.querySelector("[role=menuitem]")?.focus({ preventScroll: true });
    const watcher = new ResizeObserver(put); // the picker of all emojis takes the place of a row of them
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, [open?.id]);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => !box.current?.contains(event.target) && close(false);
    addEventListener("pointerdown", outside, true);
    addEventListener("resize", outside);
    return () => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("resize", outside);
    };
  }, [open?.id]);
  if (!open) return null;
  const style = spot ? { left: `${spot.left}px`, top: `${spot.top}px` } : { opacity: 0 }; // it is measured first; an invisible element could not take the focus
  if (open.content) {
    return onTop(html`<div class="floating" ref=${box} style=${style} role="dialog" aria-label=${open.label}>${open.content(close)}</div>`);
  }
  const keys = (event) => {
    const items = [...box.current.querySelectorAll("[role=menuitem]")];
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: (at + 1) % items.length, ArrowUp: (at - 1 + items.length) % items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (next !== undefined) {
      event.preventDefault();
      items[next].focus();
    } else if (event.key.length === 1 && event.key !== " ") {
      items.find((item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    }
  };
  return onTop(html`<div class="floating menu" role="menu" aria-label=${open.label} ref=${box} style=${style} onKeyDown=${keys}>
    ${open.items.map((item, index) =>
      item === "-"
        ? html`<hr key=${index} role="separator" />`
        : html`<button key=${index} type="button" role="menuitem" tabindex="-1" class=${classes(item.isDanger && "danger")}
            onClick=${() => (close(), item.run())}><${Icon} name=${item.icon} size=${18} /><span>${item.label}</span></button>`,
    )}
  </div>`);
}

/** A modal dialog. Escape and a click beside it close it; focus returns to where it was. */
export function Dialog({ title, onClose, children, size = "", header, footer, label }) {
  const box = useRef();
  const body = useRef();
  useKeptFocus(body);
  useModal(box, (dialog) => (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".dialog-body")).focus());
  const cancel = (event) => {
    if (event.target !== event.currentTarget) return;
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${box} class=${classes("dialog", size)} aria-label=${label ?? title} onCancel=${cancel}
    onPointerDown=${(event) => event.target === box.current && onClose()}>
    <div class="dialog-box">
      <header class="dialog-head">
        <h2>${title}</h2>
        ${header}
        <button type="button" class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
      </header>
      <div class="dialog-body" tabindex="-1" ref=${body}>${children}</div>
      ${footer && html`<footer class="dialog-foot">${footer}</footer>`}
    </div>
  </dialog>`;
}

function Question() {
  const question = asked.value;
  if (!question) return null;
  const answer = (value) => {
    asked.value = null;
    question.resolve(value);
  };
  return html`<${Dialog} key=${question} title=${question.title} size="small" onClose=${() => answer(undefined)}
    footer=${html`<button type="button" class="button" autofocus onClick=${() => answer(undefined)}>Cancel</button>
      ${question.choices.map(({ label, value, isDanger }) => html`<button type="button" class=${classes("button", isDanger ? "danger" : "primary")} onClick=${() => answer(value)}>${label}</button>`)}`}>
    <p class="question">${question.text}</p>
  <//>`;
}

export function Layer() {
  return html`<${Question} /><${Floating} /><${News} />`;
}

function News() {
  return onTop(html`<div class="news"><div class="notices" role="status" aria-live="polite">
      ${notices.value.map(
        (notice) => html`<div key=${notice.id} class=${classes("notice", notice.kind)}>
          ${notice.kind === "error" && html`<${Icon} name="warning" size=${18} />`}
          <span dir="auto">${notice.text}</span>
          ${notice.action && html`<button type="button" class="link" onClick=${() => (dismiss(notice.id), notice.action.run())}>${notice.action.label}</button>`}
          <button type="button" class="icon-button small" aria-label="Dismiss" onClick=${() => dismiss(notice.id)}><${Icon} name="close" size=${16} /></button>
        </div>`,
      )}
    </div>
    <div class="visually-hidden" aria-live="polite" role="log" aria-label="News"><p key=${spoken.value.turn}>${spoken.value.text}</p></div></div>`);
}
