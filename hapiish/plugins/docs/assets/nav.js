// The list of contents, its search, and the keyboard.

import { announce, fill, h, icon } from "./dom.js";
import { objectOf } from "./schema.js";

/** Returns the navigation of a model. `opened` is called when a link of it is followed. */
export function navigation(model, opened) {
  const input = h("input", {
    type: "search",
    id: "search",
    placeholder: "Search",
    "aria-label": "Search routes and events",
    "aria-keyshortcuts": "/",
    "aria-controls": "contents",
    autocomplete: "off",
    spellcheck: "false",
  });
  const links = new Map();
  const groups = model.groups.map((group) => navGroup(group, links, opened));
  const none = h("p", { class: "muted none", hidden: true }, "Nothing found");
  const list = h("div", { id: "contents", class: "contents" }, groups.map(({ element }) => element), none);
  const texts = new Map(model.groups.flatMap((group) => group.items.map((item) => [item, searchText(item, group)])));
  const search = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { element, group, rows } of groups) {
      let shown = 0;
      for (const [item, row] of rows) {
        const text = texts.get(item);
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown++;
      }
      element.hidden = shown === 0 && (words.length > 0 || group.items.length > 0);
      count += shown;
    }
    none.hidden = count > 0 || !words.length;
    if (words.length) announce(`${count} found`);
  };
  input.addEventListener("input", search);
  const visible = () => [...links.values()].filter((link) => link.offsetParent !== null);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || (event.key === "Enter" && input.value)) {
      const first = visible()[0];
      if (!first) return;
      event.preventDefault();
      if (event.key === "Enter") first.click();
      else first.focus();
    } else if (event.key === "Escape" && input.value) {
      input.value = "";
      search();
    }
  });
  list.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!move || event.target.tagName !== "A") return;
    event.preventDefault();
    const all = visible();
    const at = all.indexOf(event.target) + move;
    if (at < 0 && event.key === "ArrowUp") input.focus();
    else all[Math.min(Math.max(at, 0), all.length - 1)].focus();
  });
  const element = h("nav", { id: "nav", "aria-label": "Contents" }, h("div", { class: "search" }, icon("search"), input, h("kbd", { "aria-hidden": "true" }, "/")), list);
  return { element, input, mark: (anchor) => mark(links, anchor) };
}

function navGroup(group, links, opened) {
  const rows = new Map(group.items.map((item) => [item, navItem(item, links, opened)]));
  const heading = h("a", { class: "nav-group", href: `#${group.anchor}`, on: { click: () => opened(group.anchor) } }, group.kind === "namespace" && h("span", { class: "nav-kind" }, "Events"), group.title);
  links.set(group.anchor, heading);
  return { element: h("div", null, heading, h("ul", null, [...rows.values()])), group, rows };
}

function navItem(item, links, opened) {
  const label = item.kind === "http" ? h("span", { class: `method ${item.method}` }, item.method === "delete" ? "DEL" : item.method.toUpperCase().slice(0, 5)) : direction(item);
  const text = item.kind === "http" ? item.summary ?? item.path : item.event;
  const link = h("a", { href: `#${item.anchor}`, class: item.isDeprecated ? "old" : false, title: item.kind === "http" ? `${item.method.toUpperCase()} ${item.path}` : item.summary, on: { click: () => opened(item.anchor) } }, label, h("span", { class: "nav-text" }, text));
  links.set(item.anchor, link);
  return h("li", null, link);
}

/** Returns the sign of an event: sent by clients, or by the server. */
export function direction(item) {
  const isEmit = item.kind === "emit";
  return h("span", { class: `method ${item.kind}`, title: isEmit ? "The server sends this event" : "Clients send this event" }, icon(isEmit ? "down" : "up"), h("span", { class: "visually-hidden" }, isEmit ? "received:" : "sent:"));
}

function searchText(item, group) {
  const words = [group.title, item.id, item.summary, item.text, ...item.tags];
  if (item.kind === "http") {
    words.push(item.method, item.path, ...item.params.map((param) => param.name), ...item.responses.map(({ status }) => status));
    for (const media of Object.values(item.body?.content ?? {})) words.push(...Object.keys(objectOf(item.doc, media.schema).properties));
  } else {
    words.push("event socket.io", item.event, item.kind === "emit" ? "emit" : "", ...Object.keys(objectOf(item.doc, item.payload).properties));
  }
  return words.filter(Boolean).join(" ").toLowerCase();
}

function mark(links, anchor) {
  for (const [key, link] of links) {
    if (key === anchor) {
      link.setAttribute("aria-current", "true");
      link.scrollIntoView({ block: "nearest" });
    } else link.removeAttribute("aria-current");
  }
}

/** Puts `/` on the search; it stays a character in fields. */
export function searchByKey(input, reveal) {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    reveal();
    input.focus();
    input.select();
  });
}

const THEMES = [["system", "Theme: system"], ["light", "Theme: light"], ["dark", "Theme: dark"]];
const ICONS = { system: "system", light: "sun", dark: "moon" };

/** Returns the button that switches between the themes of the system, light and dark, and remembers the choice. */
export function themeButton() {
  const root = document.documentElement;
  const button = h("button", { type: "button", class: "ghost icon-button theme" });
  const draw = () => {
    const name = root.dataset.theme ?? "system";
    const label = THEMES.find(([each]) => each === name)[1];
    fill(button, icon(ICONS[name]));
    button.setAttribute("aria-label", label);
    button.title = label;
  };
  button.addEventListener("click", () => {
    const at = THEMES.findIndex(([name]) => name === (root.dataset.theme ?? "system"));
    const [next] = THEMES[(at + 1) % THEMES.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      if (next === "system") localStorage.removeItem("hapiish-docs-theme");
      else localStorage.setItem("hapiish-docs-theme", next);
    } catch {
      // Not remembered.
    }
    draw();
    announce(button.title);
  });
  draw();
  return button;
}
