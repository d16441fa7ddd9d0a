import { html, useLayoutEffect, useRef, useState } from "./ui.js";

export const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

const NAMES = `😀 grinning|😃 happy|😄 laughing eyes|😁 beaming|😅 sweat smile|😂 tears of joy|🤣 rolling on the floor|🙂 slight smile|😉 wink|😊 blush|😇 halo|🥰 love hearts|😍 heart eyes|😘 kiss|😋 yummy|😜 winking tongue|🤪 zany|🤗 hug|🤭 giggle|🤔 thinking|🤨 raised eyebrow|😐 neutral|🙄 rolling eyes|😏 smirk|😌 relieved|😴 sleeping|😷 mask|🤒 ill|🤯 mind blown|🥳 party face|😎 cool|🤓 nerd|😕 confused|😟 worried|🙁 frown|😮 surprised|😳 flushed|🥺 pleading|😢 crying|😭 sobbing|😱 scream|😤 huffing|😡 angry|🤬 swearing|💀 skull|💩 poo|🤖 robot|👋 wave|👌 ok hand|🤞 fingers crossed|✌️ victory|🤟 love you|👈 point left|👉 point right|👆 point up|👇 point down|👍 thumbs up|👎 thumbs down|✊ fist|👏 clapping|🙌 raised hands|🙏 folded hands|🤝 handshake|💪 muscle|👀 eyes|🧠 brain|❤️ red heart|🧡 orange heart|💛 yellow heart|💚 green heart|💙 blue heart|💜 purple heart|🖤 black heart|💔 broken heart|💯 hundred|💥 boom|🔥 fire|✨ sparkles|⭐ star|🌈 rainbow|☀️ sun|🌙 moon|☁️ cloud|⚡ lightning|❄️ snow|🌊 wave water|🐶 dog|🐱 cat|🦊 fox|🐻 bear|🐼 panda|🦄 unicorn|🐝 bee|🦋 butterfly|🐢 turtle|🐳 whale|🌸 blossom|🌹 rose|🌻 sunflower|🌳 tree|🍀 clover|🍎 apple|🍋 lemon|🍓 strawberry|🍕 pizza|🍔 burger|🍟 fries|🍣 sushi|🍰 cake|🍫 chocolate|🍿 popcorn|☕ coffee|🍵 tea|🍺 beer|🍷 wine|🥂 cheers|⚽ football|🏀 basketball|🎾 tennis|🏆 trophy|🎮 game|🎲 dice|🎸 guitar|🎵 music|🎬 film|🎨 art|🎁 gift|🎈 balloon|🎉 tada party|🚗 car|🚲 bicycle|🚆 train|✈️ plane|🚀 rocket|🏠 house|🏖️ beach|⏰ alarm|📅 calendar|📎 paperclip|📌 pin|✏️ pencil|📝 memo|📚 books|💡 idea bulb|🔒 lock|🔑 key|💻 laptop|📱 phone|💰 money|✅ done check|❌ cross|❓ question|❗ exclamation|⚠️ warning|🚫 forbidden|♻️ recycle|🏳️‍🌈 rainbow flag`;
const ALL = NAMES.split("|").map((entry) => {
  const space = entry.indexOf(" ");
  return { emoji: entry.slice(0, space), name: entry.slice(space + 1) };
});

export const nameOf = (emoji) => ALL.find((each) => each.emoji === emoji)?.name ?? emoji;

/** A grid of emojis with a search field; arrow keys move in it. */
export function EmojiPicker({ onPick, onClose }) {
  const [query, setQuery] = useState("");
  const field = useRef();
  const grid = useRef();
  useLayoutEffect(() => field.current.focus(), []);
  const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
  const found = ALL.filter(({ name }) => words.every((word) => name.includes(word)));
  const move = (event) => {
    const buttons = [...grid.current.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const columns = getComputedStyle(grid.current).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (event.key === "Enter" && at < 0 && found.length) {
      event.preventDefault();
      onPick(found[0].emoji);
      return;
    }
    if (!step || (at < 0 && event.key !== "ArrowDown")) return;
    event.preventDefault();
    if (at >= 0 && at + step < 0) field.current.focus();
    else buttons[Math.min(buttons.length - 1, at < 0 ? 0 : at + step)]?.focus();
  };
  const leave = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onClose();
  };
  return html`<div class="emoji-picker" role="group" aria-label="Emojis" onKeyDown=${(event) => (leave(event), move(event))}>
    <input ref=${field} type="search" placeholder="Search emojis" aria-label="Search emojis" value=${query} onInput=${(event) => setQuery(event.target.value)} />
    <div class="emoji-grid" ref=${grid}>
      ${found.map(({ emoji, name }) => html`<button key=${emoji} type="button" title=${name} aria-label=${name} onClick=${() => onPick(emoji)}>${emoji}</button>`)}
      ${!found.length && html`<p class="muted">No emoji has this name.</p>`}
    </div>
  </div>`;
}
