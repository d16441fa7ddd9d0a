/** @typedef {import("./queue.js").Queue} Queue */
/** @typedef {import("./types.js").Conversation} Conversation */

const READ = 400; // milliseconds; the server accepts three marks a second
const DELIVERED = 1000;
const DRAFT = 1000;
const TOLD = 32; // members; larger groups have no receipts

/** Marks and drafts. Only the newest counts: each waits a moment for its successor, then goes to the queue. */
export class Pointers {
  #queue;
  #isReceiving;
  /** @type {Map<string, {timer: ReturnType<typeof setTimeout>, add: () => Promise<unknown>}>} */
  #timers = new Map();
  /** @type {Map<string, number>} */
  #delivered = new Map();

  /**
   * @param {Queue} queue
   * @param {boolean} isReceiving  false: messages are not reported as delivered
   */
  constructor(queue, isReceiving) {
    this.#queue = queue;
    this.#isReceiving = isReceiving;
  }

  /** True while a mark or draft waits for its successor. */
  get isWaiting() {
    return this.#timers.size > 0;
  }

  /**
   * Reports that the user has read a conversation up to a message.
   *
   * @param {string} conversationId
   * @param {number} seq
   */
  read(conversationId, seq) {
    this.#later(`read/${conversationId}`, READ, "conversation:read", { conversationId, seq }, true);
  }

  /**
   * Reports that this device has the messages of a conversation.
   *
   * @param {Conversation} head
   */
  delivered({ id, lastSeq, deliveredSeq = 0, unread = 0, memberCount = 2 }) {
    const told = Math.max(this.#delivered.get(id) ?? 0, deliveredSeq);
    if (!this.#isReceiving || lastSeq <= told || !unread || memberCount > TOLD) return;
    this.#delivered.set(id, lastSeq);
    const data = { conversationId: id, seq: lastSeq };
    this.#later(`delivered/${id}`, DELIVERED, "message:delivered", data, false);
  }

  /**
   * Sends a draft to the user's other devices.
   *
   * @param {string} conversationId
   * @param {{text: string, replyTo?: number}} draft
   */
  draft(conversationId, draft) {
    this.#later(`draft/${conversationId}`, DRAFT, "draft", { conversationId, ...draft }, true);
  }

  /**
   * Returns true while a mark or draft of a lane waits here or in the queue: the server's value is then older.
   *
   * @param {"read"|"draft"|"mute"} what
   * @param {string} conversationId
   */
  isPending(what, conversationId) {
    const lane = `${what}/${conversationId}`;
    return this.#timers.has(lane) || this.#queue.entries.some((entry) => entry.lane === lane);
  }

  /** Puts the waiting marks and drafts into the queue; resolves when they are stored. */
  async flush() {
    await Promise.all([...this.#timers.values()].map(({ add }) => add()));
  }

  /** Removes the waiting marks and drafts. */
  clear() {
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#delivered.clear();
  }

  /**
   * @param {string} lane
   * @param {number} delay
   * @param {string} event
   * @param {Record<string, any>} data
   * @param {boolean} isKept
   */
  #later(lane, delay, event, data, isKept) {
    clearTimeout(this.#timers.get(lane)?.timer);
    const add = () => {
      clearTimeout(this.#timers.get(lane)?.timer);
      this.#timers.delete(lane);
      return this.#queue.add({ lane, event, data, slot: `${event}/${lane}`, isKept }).catch(() => undefined);
    };
    this.#timers.set(lane, { timer: setTimeout(add, delay), add });
  }
}
