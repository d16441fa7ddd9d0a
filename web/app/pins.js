// The pinned messages of a conversation: one above the messages, all in the panel beside them.
import { client, timelineOf } from "./chat.js";
import { attempt, scrollTo } from "./acts.js";
import { Icon } from "./icons.js";
import { html, useEffect, useState } from "./ui.js";
import { wordsOf } from "./words.js";

const newestFirst = (pins = []) => [...pins].sort((one, other) => other - one);

/** The words of messages, by their numbers; those that the client does not hold are read from the server. */
function useWords(id, seqs) {
  const { messages, isLoading } = timelineOf(id).value;
  const held = new Map(messages.map((message) => [message.seq, message]));
  const [read, setRead] = useState({});
  const missing = isLoading ? [] : seqs.filter((seq) => !held.has(seq) && !read[seq]);
  useEffect(() => {
    for (const seq of missing) {
      void attempt(client.http.json("GET", `/messages/${id}/${seq}`), null).then((message) => message && setRead((before) => ({ ...before, [seq]: message })));
    }
  }, [id, missing.join()]);
  return seqs.map((seq) => held.get(seq) ?? read[seq]).map((message) => (message ? wordsOf(message) : "Show"));
}

export function Pins({ id, head }) {
  const [at, setAt] = useState(0);
  const pins = newestFirst(head?.pins);
  const seq = pins[at % pins.length];
  const [words] = useWords(id, pins.length ? [seq] : []);
  if (!pins.length) return null;
  return html`<button type="button" class="pins" onClick=${() => (void scrollTo(id, seq), setAt(at + 1))}>
    <${Icon} name="pin" size=${18} /><span class="pins-text"><b>${pins.length > 1 ? `${pins.length} pinned messages` : "Pinned message"}</b><span dir="auto">${words}</span></span>
  </button>`;
}

export function PinList({ id, head }) {
  const pins = newestFirst(head.pins);
  const words = useWords(id, pins);
  if (!pins.length) return null;
  return html`<section class="section"><h3>Pinned</h3><ul>
    ${pins.map((seq, index) => html`<li key=${seq}><button type="button" class="hit" onClick=${() => scrollTo(id, seq)}><span class="hit-text" dir="auto">${words[index]}</span></button></li>`)}
  </ul></section>`;
}
