"use strict";

/** Returns the sections that contain all words of a query, best first: [page, heading, address, text]. */
function search(index, query, most = 20) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const found = [];
  for (const entry of index) {
    const [page, heading, , text] = entry;
    const title = `${page} ${heading}`.toLowerCase(), body = text.toLowerCase();
    let score = 0;
    for (const word of words) {
      const inTitle = title.includes(word), at = body.indexOf(word);
      if (!inTitle && at < 0) { score = 0; break; }
      score += (inTitle ? (new RegExp(`(^|\\W)${escaped(word)}(\\W|$)`).test(title) ? 40 : 15) : 0);
      score += at < 0 ? 0 : 1 + Math.min(body.split(word).length - 1, 8) + (body.includes(words.join(" ")) ? 5 : 0);
    }
    if (score) found.push([score + (heading ? 0 : 3), entry]);
  }
  return found.sort((one, two) => two[0] - one[0]).slice(0, most).map(([, entry]) => entry);
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Returns the part of a text around the first word of a query. */
function excerpt(text, query, length = 110) {
  const word = query.toLowerCase().split(/\s+/).filter(Boolean)[0] || "";
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 40);
  return (at ? "…" : "") + text.slice(at, at + length) + (at + length < text.length ? "…" : "");
}

function start() {
  const root = document.currentScript.dataset.root;
  const page = document.documentElement;
  page.classList.add("scripted");

  const kept = { get() { try { return localStorage.getItem("theme"); } catch { return null; } },
    set(value) { try { localStorage.setItem("theme", value); } catch { /* the browser keeps nothing for files */ } } };
  if (kept.get()) page.dataset.theme = kept.get();
  document.getElementById("theme").addEventListener("click", () => {
    const isDark = (page.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    page.dataset.theme = isDark ? "light" : "dark";
    kept.set(page.dataset.theme);
  });

  const menu = document.getElementById("menu"), navigation = document.getElementById("navigation");
  menu.addEventListener("click", () => menu.setAttribute("aria-expanded", navigation.classList.toggle("open")));
  navigation.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

  for (const block of document.querySelectorAll(".code")) {
    const button = document.createElement("button");
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", () => {
      const text = block.querySelector("code").textContent;
      const isSession = block.dataset.language === "console" && text.startsWith("$ ");
      const commands = text.split("\n").filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
      navigator.clipboard.writeText(isSession ? commands.join("\n") : text).then(() => { button.textContent = "Copied"; });
    });
    block.append(button);
  }

  const field = document.getElementById("search"), results = document.getElementById("results");
  let selected = -1;
  const load = () => {
    if (window.searchIndex || document.getElementById("search-index")) return;
    const script = document.createElement("script");
    script.id = "search-index";
    script.src = `${root}/search.js`;
    script.addEventListener("load", show);
    document.head.append(script);
  };
  function show() {
    const query = field.value.trim();
    results.replaceChildren();
    selected = -1;
    results.hidden = !query || !window.searchIndex;
    if (results.hidden) return;
    for (const [title, heading, address, text] of search(window.searchIndex, query)) {
      const item = document.createElement("li"), link = document.createElement("a"), words = document.createElement("small");
      link.href = `${root}/${address}`;
      link.textContent = heading ? `${title} › ${heading}` : title;
      words.textContent = excerpt(text, query);
      link.append(words);
      item.append(link);
      results.append(item);
    }
    if (!results.children.length) results.append(Object.assign(document.createElement("p"), { textContent: "Nothing found." }));
  }
  field.addEventListener("focus", load);
  field.addEventListener("input", () => { load(); show(); });
  field.addEventListener("keydown", (event) => {
    const links = [...results.querySelectorAll("a")];
    if (event.key === "Escape") { field.value = ""; show(); field.blur(); }
    if (event.key === "Enter" && links.length) links[Math.max(selected, 0)].click();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      selected = Math.max(0, Math.min(links.length - 1, selected + (event.key === "ArrowDown" ? 1 : -1)));
      links.forEach((link, place) => link.setAttribute("aria-selected", place === selected));
      links[selected]?.scrollIntoView({ block: "nearest" });
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|textarea|select)$/i.test(document.activeElement.tagName)) {
      event.preventDefault();
      field.focus();
    }
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) results.hidden = true; });
  addEventListener("hashchange", () => { results.hidden = true; });
}

if (typeof document === "undefined") module.exports = { search, excerpt };
else start();
