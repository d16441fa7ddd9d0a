// Elements are made of text nodes and attributes only, so that no text of a table can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Returns an element; `props` are attributes, `on` listeners, `class` a text; a false, null or undefined value is left out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, children);
  return element;
}

/** Appends children: elements, texts, and lists of them; false, null and undefined are left out. */
export function put(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === false || child === null || child === undefined) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  return put(element, ...children);
}

const ICONS = {
  sun: "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m11.4 0 1.4 1.4M4.9 4.9l1.4 1.4M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  system: "M4 5h16v11H4zM9 20h6m-3-4v4",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6 6 18",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 4 4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1m2 4a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  up: "M12 19V6m-5 5 5-5 5 5",
  down: "M12 5v13m-5-5 5 5 5-5",
  play: "M8 5.5v13l10.5-6.5z",
  chevron: "M9 6l6 6-6 6",
  trash: "M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13",
};

/** Returns a decorative icon; the control around it has the name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

let count = 0;

/** Returns an id that is unique in the page, for labels. */
export const uid = (prefix) => `${prefix}-${++count}`;

/** Returns a label with its control below it. */
export function field(label, control, ...more) {
  control.id ||= uid("field");
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, ...more);
}

const status = h("div", { class: "visually-hidden", role: "status" });

/** Tells a screen reader. */
export function announce(text) {
  if (!status.isConnected) document.body.append(status);
  status.textContent = text;
}

/** Returns a button that copies what `text()` returns. */
export function copyButton(name, text) {
  const button = h("button", { type: "button", class: "ghost icon-button", "aria-label": name, title: name }, icon("copy"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      announce("Copied");
      button.classList.add("done");
    } catch {
      announce("The browser does not allow copying");
      button.classList.add("failed");
    }
    setTimeout(() => button.classList.remove("done", "failed"), 1500);
  });
  return button;
}
