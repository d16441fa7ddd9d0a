/** @typedef {import("./http.js").Http} Http */
/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").SyncAnswer} SyncAnswer */

const PAGE = 200;

/**
 * Catches up with the list of conversations and pages of messages, for a server whose table has no `sync`. It does not
 * find changes of held messages.
 *
 * @param {Http} http
 * @param {{conversations: Record<string, {seq: number}>}} request
 * @returns {Promise<SyncAnswer>}
 */
export async function syncByPages(http, { conversations }) {
  const response = await http.request("GET", "/conversations", { query: { limit: PAGE } });
  /** @type {Conversation[]} */
  const heads = await response.json();
  /** @type {Record<string, Message[]>} */
  const messages = {};
  /** @type {string[]} */
  const limited = [];
  for (const { id, lastSeq } of heads) {
    const given = conversations[id];
    if (!given || given.seq >= lastSeq) continue;
    let page = await http.json("GET", `/messages/${id}`, { query: { after: given.seq, limit: PAGE } });
    if (page.hasMore) {
      limited.push(id);
      page = await http.json("GET", `/messages/${id}`, { query: { limit: 50 } });
    }
    messages[id] = page.messages;
  }
  const isWhole = !response.headers.get("x-next-cursor");
  const known = new Set(heads.map(({ id }) => id));
  const removed = isWhole ? Object.keys(conversations).filter((id) => !known.has(id)) : [];
  return { cursor: "", serverTime: "", heads, messages, changes: {}, limited, removed, more: false };
}
