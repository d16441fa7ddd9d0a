// JSON for people: indented, with a span for each kind of value.

import { h } from "./dom.js";

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g;
const SHOWN = 200_000;

/** Returns indented JSON as coloured text. A long text is cut: `whole` offers the rest elsewhere. */
export function coloured(text) {
  const code = h("code");
  const shown = text.length > SHOWN ? text.slice(0, SHOWN) : text;
  let end = 0;
  for (const found of shown.matchAll(TOKEN)) {
    code.append(shown.slice(end, found.index));
    const kind = found[2] ? "key" : found[1] ? "string" : /^[tfn]/.test(found[0]) ? "word" : "number";
    code.append(h("span", { class: `json-${kind}` }, found[1] ?? found[0]), found[2] ?? "");
    end = found.index + found[0].length;
  }
  code.append(shown.slice(end));
  if (shown !== text) code.append(`\n… ${text.length - SHOWN} more characters`);
  return code;
}

/** Returns a scrollable block of code; `label` is its accessible name. */
export function block(text, label, { json = true } = {}) {
  const content = json ? coloured(text) : h("code", null, text.length > SHOWN ? `${text.slice(0, SHOWN)}\n…` : text);
  return h("pre", { tabindex: "0", role: "group", "aria-label": label }, content);
}

/** Returns a value as indented JSON; binary values by their size. */
export const indented = (value) =>
  JSON.stringify(value, (_, inner) => (isBinary(inner) ? `(${inner.byteLength ?? inner.size} bytes)` : inner), 2) ?? "undefined";

const isBinary = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob;
