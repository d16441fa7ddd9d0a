import { Timeline } from "./timeline.js";

/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./types.js").Pointers} Pointers */

const PREVIEW = 200; // characters of a message in the list
const STORED = { conversations: 500, timelines: 60, messages: 100 };
const HELD = { timelines: 100, messages: 300 }; // of those that are not open
const PRIVATE = /** @type {const} */ ([["read", "unreadFrom"], ["mute", "mutedUntil"], ["draft", "draft"]]);

/**
 * The state of the user's conversations: their heads, and the timelines of those that were opened. All methods but
 * `load` and `save` are synchronous, and none uses the network; `changed` reports changes.
 */
export class Conversations {
  /** @type {Map<string, Conversation>} */
  heads = new Map();
  /** @type {Map<string, Timeline>} */
  timelines = new Map();
  /** The position of the last catch-up. @type {string|undefined} */
  cursor;
  /** True if the server has older conversations than the list. */
  hasMore = true;
  /** @type {Set<string>} */
  #open = new Set();
  /** @type {Set<string>} */
  #unsaved = new Set();
  /** @type {Conversation[]|null} */
  #sorted = null;
  #changed;
  #isPending;

  /**
   * @param {(conversationId: string, what: "head"|"messages") => void} changed
   * @param {(what: "read"|"draft"|"mute", conversationId: string) => boolean} isPending
   *   true while the server does not have the user's value yet: the server's value is then older
   */
  constructor(changed, isPending) {
    this.#changed = changed;
    this.#isPending = isPending;
  }

  /** The conversations, most recently active first. */
  get list() {
    this.#sorted ??= [...this.heads.values()].sort(
      (one, other) => compare(other.updatedAt, one.updatedAt) || compare(other.id, one.id),
    );
    return this.#sorted;
  }

  /**
   * Takes a head from the server. Parts that live events have already updated to newer values stay. Returns false if the
   * head lacks a known change: then its title, pins or roles may be older than the held ones.
   *
   * @param {Conversation} head
   */
  takeHead(head) {
    const held = this.heads.get(head.id);
    const merged = { ...head };
    // The receipts of a conversation that is not open may be old. Opening it reads them before its timeline.
    const isFollowed = this.#open.has(head.id) || this.timelines.has(head.id);
    if (!head.receipts && held?.receipts && isFollowed) merged.receipts = held.receipts;
    if (held) {
      if (held.lastSeq > merged.lastSeq) {
        merged.lastSeq = held.lastSeq;
        merged.lastMessage = held.lastMessage;
        merged.updatedAt = held.updatedAt;
      }
      merged.changeSeq = Math.max(held.changeSeq ?? 0, merged.changeSeq ?? 0);
      if (merged.readSeq !== undefined) merged.readSeq = Math.max(held.readSeq ?? 0, merged.readSeq);
      merged.deliveredSeq = Math.max(held.deliveredSeq ?? 0, merged.deliveredSeq ?? 0);
      for (const [what, key] of PRIVATE) {
        if (!this.#isPending(what, head.id)) continue;
        delete merged[key];
        if (key in held) Object.assign(merged, { [key]: held[key] });
      }
    }
    this.#set(counted(merged));
    return (head.changeSeq ?? 0) >= (held?.changeSeq ?? 0);
  }

  /**
   * Changes some keys of a head; an undefined value removes its key.
   *
   * @param {string} id
   * @param {Partial<Conversation>} change
   */
  patch(id, change) {
    const held = this.heads.get(id);
    if (!held) return;
    const merged = { ...held, ...change };
    for (const [key, value] of Object.entries(change)) if (value === undefined) delete merged[/** @type {"draft"} */ (key)];
    this.#set(counted(merged));
  }

  /**
   * Moves a member's read and delivered marks; they never go back.
   *
   * @param {string} id
   * @param {string} userId
   * @param {Pointers} pointers
   */
  receipt(id, userId, { readSeq, deliveredSeq }) {
    const held = this.heads.get(id);
    if (!held) return;
    const former = held.receipts?.[userId];
    const moved = {
      readSeq: Math.max(former?.readSeq ?? 0, readSeq ?? 0),
      deliveredSeq: Math.max(former?.deliveredSeq ?? 0, deliveredSeq ?? 0),
    };
    this.#set({ ...held, receipts: { ...held.receipts, [userId]: moved } });
  }

  /**
   * Takes a new message, from an event or an acknowledgement. Returns false if something before it is missing.
   *
   * @param {Message} message
   * @param {string} me
   */
  takeMessage(message, me) {
    const id = message.conversationId;
    const head = this.heads.get(id);
    const timeline = this.timelines.get(id);
    const outcome = timeline?.take(message);
    if (outcome === "next" || outcome === "known") this.#touch(id, "messages");
    if (!head) return false;
    const isNext = message.seq === head.lastSeq + 1;
    if (message.seq > head.lastSeq) {
      const moved = { ...head, lastSeq: message.seq, lastMessage: preview(message), updatedAt: message.createdAt };
      if (message.userId === me && head.readSeq !== undefined) {
        moved.readSeq = Math.max(head.readSeq, message.seq); // the sender has read all messages before
        delete moved.unreadFrom;
      }
      this.#set(counted(moved));
    }
    return outcome !== "gap" && (isNext || message.seq <= head.lastSeq);
  }

  /**
   * Takes the present state of a changed message. Returns false if changes before it are missing.
   *
   * @param {string} id
   * @param {number|undefined} changeSeq
   * @param {Message|{seq: number, hidden: true}} change
   */
  takeChange(id, changeSeq, change) {
    const timeline = this.timelines.get(id);
    if (timeline?.replace(change)) this.#touch(id, "messages");
    const head = this.heads.get(id);
    if (head?.lastMessage?.seq === change.seq) {
      this.#set({ ...head, lastMessage: "hidden" in change ? null : preview(change) });
    }
    return this.takeChangeSeq(id, changeSeq);
  }

  /**
   * Stores that a change was applied. Returns false if changes before it are missing.
   *
   * @param {string} id
   * @param {number|undefined} changeSeq
   */
  takeChangeSeq(id, changeSeq) {
    const head = this.heads.get(id);
    if (!changeSeq || !head) return head !== undefined;
    const timeline = this.timelines.get(id);
    const before = head.changeSeq ?? 0;
    if (changeSeq > before) this.#set({ ...head, changeSeq });
    if (timeline && changeSeq === timeline.changeSeq + 1) {
      timeline.changeSeq = changeSeq;
      this.#unsaved.add(id);
    }
    return changeSeq <= before + 1 && !this.isBehind(id);
  }

  /**
   * Returns true if the timeline is known to lack messages or changes.
   *
   * @param {string} id
   */
  isBehind(id) {
    const head = this.heads.get(id);
    const timeline = this.timelines.get(id);
    if (!head || !timeline) return false;
    return timeline.seq < head.lastSeq || timeline.changeSeq < (head.changeSeq ?? 0);
  }

  /**
   * Appends a delta of a streaming message. A delta that does not fit is ignored: the finished message has the whole text.
   *
   * @param {{conversationId: string, seq: number, offset: number, text: string}} delta
   */
  takeDelta({ conversationId, seq, offset, text }) {
    const timeline = this.timelines.get(conversationId);
    const held = timeline?.at(seq);
    if (!timeline || !held?.streaming) return;
    const points = [...held.text]; // the server counts code points
    if (offset > points.length) return;
    timeline.replace({ ...held, text: points.slice(0, offset).join("") + text });
    this.#touch(conversationId, "messages");
  }

  /**
   * Replaces the held messages of a conversation.
   *
   * @param {string} id
   * @param {{messages: Message[], seq: number, changeSeq: number, isComplete: boolean}} page
   */
  resetTimeline(id, page) {
    const timeline = this.timelines.get(id) ?? new Timeline();
    timeline.reset(page);
    this.timelines.delete(id);
    this.timelines.set(id, timeline); // the newest is the last
    this.#evict();
    this.#touch(id, "messages");
  }

  /**
   * Forgets a conversation.
   *
   * @param {string} id
   */
  remove(id) {
    if (!this.heads.delete(id)) return;
    this.timelines.delete(id);
    this.#sorted = null;
    this.#touch(id, "head");
  }

  /**
   * Keeps the whole timeline of a conversation in memory while it is open.
   *
   * @param {string} id
   * @param {boolean} isOpen
   */
  setOpen(id, isOpen) {
    if (isOpen) this.#open.add(id);
    else if (this.#open.delete(id)) this.timelines.get(id)?.trim(HELD.messages);
  }

  /**
   * Reports that the messages of a conversation have changed.
   *
   * @param {string} id
   */
  touch(id) {
    this.#touch(id, "messages");
  }

  /** Removes all state. */
  clear() {
    this.heads.clear();
    this.timelines.clear();
    this.#open.clear();
    this.#unsaved.clear();
    this.#sorted = null;
    this.cursor = undefined;
    this.hasMore = true;
  }

  /**
   * Reads the state that an earlier run has stored.
   *
   * @param {Storage} storage
   */
  async load(storage) {
    const { cursor, hasMore = true } = await storage.transaction(async (operations) => {
      for (const key of await operations.keys("head/")) {
        const head = await operations.get(key);
        if (head) this.heads.set(head.id, head);
      }
      for (const key of await operations.keys("timeline/")) {
        const id = key.slice("timeline/".length);
        const stored = await operations.get(key);
        if (stored && this.heads.has(id)) this.timelines.set(id, Timeline.restored(stored));
      }
      return (await operations.get("list")) ?? {};
    });
    this.cursor = cursor;
    this.hasMore = hasMore;
    this.#sorted = null;
  }

  /** True if `save` would write something. */
  get isUnsaved() {
    return this.#unsaved.size > 0;
  }

  /** Makes the next `save` write everything. */
  unsaveAll() {
    for (const id of this.heads.keys()) this.#unsaved.add(id);
  }

  /**
   * Stores the changes since the last call and the cursor in one transaction, so that a restart finds a consistent state.
   * Old conversations and messages are not stored.
   *
   * @param {Storage} storage
   */
  async save(storage) {
    const ids = [...this.#unsaved];
    this.#unsaved.clear();
    const kept = new Set(this.list.slice(0, STORED.conversations).map(({ id }) => id));
    const withMessages = this.list.filter(({ id }) => this.timelines.has(id)).slice(0, STORED.timelines);
    const timelines = new Set(withMessages.map(({ id }) => id));
    /** @type {[string, any][]} */
    const writes = [["list", { cursor: this.cursor, hasMore: this.hasMore || this.list.length > kept.size }]];
    for (const id of ids) {
      writes.push([`head/${id}`, kept.has(id) ? this.heads.get(id) : undefined]);
      writes.push([`timeline/${id}`, timelines.has(id) ? this.timelines.get(id)?.stored(STORED.messages) : undefined]);
    }
    try {
      await storage.transaction(async (operations) => {
        for (const [key, value] of writes) await (value === undefined ? operations.delete(key) : operations.set(key, value));
        for (const [prefix, wanted] of /** @type {[string, Set<string>][]} */ ([["head/", kept], ["timeline/", timelines]])) {
          const keys = await operations.keys(prefix);
          if (keys.length <= wanted.size) continue;
          for (const key of keys) if (!wanted.has(key.slice(prefix.length))) await operations.delete(key);
        }
      });
    } catch (error) {
      for (const id of ids) this.#unsaved.add(id);
      throw error;
    }
  }

  #evict() {
    for (const [id, timeline] of this.timelines) {
      if (this.timelines.size <= HELD.timelines) break;
      if (!this.#open.has(id)) this.timelines.delete(id);
      else this.timelines.set(id, timeline);
    }
  }

  /** @param {Conversation} head */
  #set(head) {
    this.heads.set(head.id, head);
    this.#sorted = null;
    this.#touch(head.id, "head");
  }

  /**
   * @param {string} id
   * @param {"head"|"messages"} what
   */
  #touch(id, what) {
    this.#unsaved.add(id);
    this.#changed(id, what);
  }
}

/**
 * @param {Message} message
 * @returns {import("./types.js").Preview}
 */
export function preview({ _id, seq, text, createdAt, userId, deletedAt, type, system }) {
  const short = [...text.slice(0, 2 * PREVIEW)].slice(0, PREVIEW).join("");
  return { _id, seq, text: short, createdAt, userId, ...(deletedAt && { deletedAt }), ...(type && { type, system }) };
}

/**
 * Returns a head whose `unread` fits its marks, as the server counts.
 *
 * @param {Conversation} head
 * @returns {Conversation}
 */
function counted(head) {
  const { lastSeq, readSeq, deliveredSeq, unreadFrom } = head;
  if (readSeq === undefined) return head;
  const unread = Math.max(0, lastSeq - (unreadFrom === undefined ? readSeq : unreadFrom - 1));
  return { ...head, unread, deliveredSeq: Math.max(deliveredSeq ?? 0, readSeq) };
}

/**
 * @param {string} one
 * @param {string} other
 */
function compare(one, other) {
  return one < other ? -1 : one > other ? 1 : 0;
}
