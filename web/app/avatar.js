import { useBlob } from "./files.js";
import { isAway, presenceOf } from "./chat.js";
import { classes, html } from "./ui.js";
import { Icon } from "./icons.js";

const HUES = 8;

/** A number below `HUES` that stays the same for an id. */
export function hueOf(id = "") {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return sum % HUES;
}

function initials(name = "") {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = (word) => [...(word ?? "")][0] ?? "";
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map(first).join("\u200c").toLocaleUpperCase(); // letters of Arabic do not join
}

/** The picture of a person or a group. It is decorative, because the name is beside it. */
export function Avatar({ id, name, picture, isGroup, size = "" }) {
  const url = useBlob(picture);
  return html`<span class=${classes("avatar", size, `hue-${hueOf(id)}`)} aria-hidden="true">
    ${url ? html`<img src=${url} alt="" />` : isGroup && !name ? html`<${Icon} name="group" />` : html`<span data-initials=${initials(name)} />`}
  </span>`;
}

/** The same with a dot for a person who is online. */
export function LivingAvatar({ userId, ...more }) {
  const isOnline = userId && !isAway.value && presenceOf(userId).value?.online;
  return html`<span class="living"><${Avatar} ...${more} />${isOnline && html`<span class="dot" aria-hidden="true" />`}</span>`;
}
