// The text of a message as elements: links, code and mentions. Each pattern takes linear time.
import { html } from "./ui.js";

const PARTS = /```([^]*?)```|`([^`\n]+)`|https?:\/\/[^\s<>"`]+/gu;
const TAIL = /[.,;:!?'"\]}]$/u;
const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\p{Regional_Indicator}|\s)+$/u;
const PICTURE = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;

/** True for a short text of emojis only. */
export const isEmoji = (text) => text.length <= 24 && EMOJI.test(text) && PICTURE.test(text);

/**
 * Returns the children of an element for a text.
 *
 * @param {string} text
 * @param {{id: string, name: string, isMe: boolean}[]} mentioned
 */
export function rich(text, mentioned = []) {
  const children = [];
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    children.push(...withMentions(text.slice(end, match.index), mentioned));
    end = match.index + match[0].length;
    if (match[1] !== undefined) children.push(html`<pre dir="auto"><code>${match[1].replace(/^\n|\n$/gu, "")}</code></pre>`);
    else if (match[2] !== undefined) children.push(html`<code>${match[2]}</code>`);
    else {
      const url = trimmed(match[0]);
      end = match.index + url.length;
      children.push(link(url));
    }
  }
  children.push(...withMentions(text.slice(end), mentioned));
  return children;
}

/** A URL without the punctuation of the sentence around it; a bracket that the URL itself has opened belongs to it. */
function trimmed(url) {
  let end = url.length;
  let open = url.split("(").length - url.split(")").length;
  for (; end > 0; end--) {
    const isClosing = url[end - 1] === ")";
    if (isClosing ? open >= 0 : !TAIL.test(url[end - 1])) break;
    if (isClosing) open++;
  }
  return url.slice(0, end);
}

function link(url) {
  let target;
  try {
    target = new URL(url);
  } catch {
    return url;
  }
  return html`<a href=${target.href} target="_blank" rel="noopener noreferrer nofollow" dir="ltr">${url}</a>`;
}

function withMentions(text, mentioned) {
  if (!mentioned.length || !text.includes("@")) return text ? [text] : [];
  let parts = [text];
  for (const { name, isMe } of mentioned) {
    const mark = `@${name}`;
    parts = parts.flatMap((part) => {
      if (typeof part !== "string" || !part.includes(mark)) return [part];
      return part.split(mark).flatMap((piece, index) => (index ? [html`<b class=${isMe ? "mention me" : "mention"}>${mark}</b>`, piece] : [piece]));
    });
  }
  return parts.filter((part) => part !== "");
}
