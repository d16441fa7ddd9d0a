// The CommonMark that descriptions use, as elements: headings, paragraphs, lists, quotes, code, emphasis and links.
// HTML stays text. Images become links, because the page loads nothing from elsewhere.

import { h, put } from "./dom.js";

const DEPTH = 8;

/** Returns the elements of a text. */
export const markdown = (text) => blocks(String(text ?? "").replace(/\r\n?/g, "\n").split("\n"), 0);

/** Returns the first paragraph as inline elements, for places with one line. */
export const inlineMarkdown = (text) => inline(String(text ?? ""), 0);

function blocks(lines, depth) {
  const out = [];
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) out.push(h("p", null, inline(paragraph.join("\n"), 0)));
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    const fence = /^ {0,3}(`{3,}|~{3,})/.exec(line);
    const heading = /^ {0,3}(#{1,6})\s+(.*)$/.exec(line);
    const item = /^( {0,3})([-*+]|\d{1,9}[.)])\s+(.*)$/.exec(line);
    if (fence) {
      flush();
      const code = [];
      while (++at < lines.length && !lines[at].trimStart().startsWith(fence[1])) code.push(lines[at]);
      out.push(h("pre", { tabindex: "0" }, h("code", null, code.join("\n"))));
    } else if (!line.trim()) {
      flush();
    } else if (heading) {
      flush();
      // Below the headings of the page itself.
      out.push(h(`h${Math.min(heading[1].length + 3, 6)}`, null, inline(heading[2].replace(/\s+#+\s*$/, ""), 0)));
    } else if (/^ {0,3}>/.test(line) && depth < DEPTH) {
      flush();
      const quoted = [];
      while (at < lines.length && /^ {0,3}>/.test(lines[at])) quoted.push(lines[at++].replace(/^ {0,3}> ?/, ""));
      at--;
      out.push(h("blockquote", null, blocks(quoted, depth + 1)));
    } else if (item && depth < DEPTH && !(paragraph.length && item[2].length > 2)) {
      flush();
      const ordered = /\d/.test(item[2]);
      const items = [];
      let indent = 0;
      for (; at < lines.length; at++) {
        const next = /^( {0,3})([-*+]|\d{1,9}[.)])(\s+)(.*)$/.exec(lines[at]);
        if (next && /\d/.test(next[2]) === ordered && (!items.length || next[1].length < indent)) {
          indent = next[1].length + next[2].length + 1;
          items.push([next[4]]);
        } else if (lines[at].trim() && (lines[at].search(/\S/) >= indent || (lines[at - 1]?.trim() && !next))) {
          items.at(-1).push(lines[at].search(/\S/) >= indent ? lines[at].slice(indent) : lines[at].trimStart());
        } else if (!lines[at].trim() && lines[at + 1]?.search(/\S/) >= indent) {
          items.at(-1).push("");
        } else break;
      }
      at--;
      out.push(h(ordered ? "ol" : "ul", null, items.map((each) => h("li", null, tight(blocks(each, depth + 1))))));
    } else if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) {
      flush();
      out.push(h("hr"));
    } else {
      paragraph.push(line.trimStart());
    }
  }
  flush();
  return out;
}

/** An item that is one paragraph has no paragraph. */
const tight = (parts) => (parts[0]?.tagName === "P" ? [[...parts[0].childNodes], parts.slice(1)] : parts);

const INLINE = /\\([!-/:-@[-`{-~])|(`+)([^`]+)\2(?!`)|!?\[([^\][]*)\]\(([^()\s]*)\)|<((?:https?:\/\/|mailto:)[^<>\s]+)>|(\*\*|__)(?=\S)([^*_]+?)\7|([*_])(?=\S)([^*_]+?)\9/g;
const LONGEST = 20_000;

function inline(text, depth) {
  if (depth > DEPTH || text.length > LONGEST) return [text];
  const out = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, escaped, , code, label, target, auto, , strong, mark, emphasis] = found;
    const before = text[found.index - 1] ?? "";
    if (mark === "_" && /\w/.test(before)) continue; // snake_case
    out.push(text.slice(end, found.index));
    if (escaped !== undefined) out.push(escaped);
    else if (code !== undefined) out.push(h("code", null, code.trim() || code));
    else if (target !== undefined) out.push(link(target, inline(label || target, depth + 1)));
    else if (auto !== undefined) out.push(link(auto, [auto]));
    else if (strong !== undefined) out.push(put(h("strong"), inline(strong, depth + 1)));
    else out.push(put(h("em"), inline(emphasis, depth + 1)));
    end = found.index + whole.length;
  }
  out.push(text.slice(end));
  return out;
}

function link(target, content) {
  // `javascript:` and other schemes stay text.
  if (!/^(https?:|mailto:|#|\/(?!\/)|\.)/i.test(target)) return h("span", null, content);
  const leaves = /^https?:/i.test(target);
  return h("a", { href: target, ...(leaves && { rel: "noopener noreferrer", target: "_blank" }) }, content);
}
