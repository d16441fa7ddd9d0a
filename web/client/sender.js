import { ApiError } from "./errors.js";
import { uuid } from "./random.js";
import { Receiver } from "./receiver.js";

/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Outgoing} Outgoing */
/** @typedef {import("./types.js").ShownMessage} ShownMessage */

const OF_STATE = ["conversation:read", "conversation:unread", "conversation:mute", "draft"];
const WATCH = 200; // milliseconds

/** The layer that sends: messages, changes of messages, and the user's marks. */
export class Sender extends Receiver {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #watching;
  /** @type {Map<string, Promise<any>>} */
  #acknowledged = new Map();

  /** @param {import("./parts.js").Options} options */
  constructor(options) {
    super(options);
    this.inner.on("queued", ({ entry }) => this.#noteQueue(entry));
    this.inner.on("sent", (result) => this.#sent(result));
  }

  /** True while messages, changes, marks or drafts wait to be sent or acknowledged. */
  get isBusy() {
    return this.pointers.isWaiting || this.queue.entries.some(({ state }) => state !== "failed");
  }

  /**
   * Returns the held messages of a conversation with their status, oldest first. Waiting messages are at the end.
   *
   * @param {string} id
   * @returns {ShownMessage[]}
   */
  messages(id) {
    const held = this.store.timelines.get(id)?.messages ?? [];
    const known = new Set(held.filter(({ userId }) => userId === this.userId).map(({ msgId }) => msgId));
    const pending = this.queue.entries
      .filter(({ event, data }) => event === "message" && data.conversationId === id && !known.has(data.msgId))
      .map((entry) => this.#pending(entry));
    const reached = this.#reached(id);
    return [...held.map((message) => ({ ...message, status: this.#status(message, reached) })), ...pending];
  }

  /**
   * Returns the status of a stored message; "received" for messages of others.
   *
   * @param {Message} message
   * @returns {import("./types.js").Status}
   */
  status(message) {
    return this.#status(message, this.#reached(message.conversationId));
  }

  /**
   * Puts a message into the queue, and returns it for display. It is sent now, or when the client is online.
   * `acknowledged(msgId)` waits for the stored message.
   *
   * @param {string} conversationId
   * @param {Outgoing} outgoing
   * @returns {Promise<ShownMessage>}
   */
  async send(conversationId, { msgId = uuid(this.random), text = "", attachments: given = [], ...more }) {
    const ids = given.map((each) => (typeof each === "string" ? each : each.id));
    const attachments = given.filter((each) => typeof each !== "string");
    const data = { conversationId, text, msgId, ...more, ...(ids.length && { attachments: ids }) };
    const sent = { lane: conversationId, event: "message", data, isKept: true, ...(attachments.length && { attachments }) };
    const { entry, acknowledged } = await this.queue.add(sent);
    this.#acknowledged.set(msgId, acknowledged);
    const forget = () => void this.#acknowledged.delete(msgId);
    acknowledged.then(forget, forget);
    return this.#pending(entry);
  }

  /**
   * Waits for the stored message of `send`. Raises ApiError if the server refuses it or it is discarded.
   *
   * @param {string} msgId
   * @returns {Promise<Message>}
   */
  async acknowledged(msgId) {
    const ack = await this.#acknowledged.get(msgId);
    if (ack) return ack.message;
    for (const timeline of this.store.timelines.values()) {
      const found = timeline.messages.find((message) => message.msgId === msgId && message.userId === this.userId);
      if (found) return found;
    }
    throw new ApiError({ code: "not_found", statusCode: 404, message: "This client has sent no such message" });
  }

  /** The messages that wait or have failed, in all conversations. */
  pending() {
    return this.queue.entries.filter(({ event }) => event === "message").map((entry) => this.#pending(entry));
  }

  /**
   * Sends a failed message again.
   *
   * @param {string} msgId
   */
  async retry(msgId) {
    const entry = this.entryOf(msgId);
    if (entry) await this.queue.retry(entry.key);
  }

  /**
   * Removes a message that was not acknowledged; returns false while it is being sent.
   *
   * @param {string} msgId
   */
  async discard(msgId) {
    const entry = this.entryOf(msgId);
    return entry ? this.queue.discard(entry.key) : false;
  }

  /**
   * Changes the text of the user's message, and resolves when the server has acknowledged the change. `final: true` ends
   * a stream. Raises ApiError `rev_conflict` if another device has changed the message; the client then has its text.
   *
   * @param {string} conversationId
   * @param {number} seq
   * @param {string} text
   * @param {{rev?: number, final?: boolean}} [options]  `rev`: of the message that the user has seen
   * @returns {Promise<Message>}
   */
  async edit(conversationId, seq, text, { rev, final } = {}) {
    const known = rev ?? this.store.timelines.get(conversationId)?.at(seq)?.rev ?? 0;
    const data = { conversationId, seq, text, rev: known, ...(final && { final }) };
    return (await this.#tell(conversationId, "message:edit", data)).message;
  }

  /**
   * Deletes a message for all (as its author, or an admin of the group) or for the user only.
   *
   * @param {string} conversationId
   * @param {number} seq
   * @param {"all"|"me"} [scope]
   */
  async deleteMessage(conversationId, seq, scope = "all") {
    await this.#tell(conversationId, "message:delete", { conversationId, seq, scope });
  }

  /**
   * Adds or removes a reaction.
   *
   * @param {string} conversationId
   * @param {number} seq
   * @param {string} emoji
   * @param {boolean} [on]
   */
  async react(conversationId, seq, emoji, on = true) {
    await this.#tell(conversationId, "message:react", { conversationId, seq, emoji, on });
  }

  /**
   * Sends a part of the text of the user's streaming message. It is not stored; `edit(…, {final: true})` stores the text.
   *
   * @param {string} conversationId
   * @param {number} seq
   * @param {number} offset  code points before the text
   * @param {string} text
   */
  async delta(conversationId, seq, offset, text) {
    await this.connection.emitWithAck("message:delta", { conversationId, seq, offset, text });
    this.store.takeDelta({ conversationId, seq, offset, text });
  }

  /**
   * Mutes a conversation until a time; null unmutes it.
   *
   * @param {string} id
   * @param {string|null} until  ISO 8601
   */
  async mute(id, until) {
    await this.#tell(`mute/${id}`, "conversation:mute", { conversationId: id, until }, true);
  }

  /**
   * Marks a conversation as read, by default to its end. The newest mark is sent when the client is online.
   *
   * @param {string} id
   * @param {number} [seq]
   */
  async markRead(id, seq) {
    const head = this.conversation(id);
    if (!head) return;
    const upTo = Math.min(seq ?? head.lastSeq, head.lastSeq);
    if (upTo <= (head.readSeq ?? 0) && !head.unreadFrom && !head.unread) return;
    const readSeq = Math.max(upTo, head.readSeq ?? 0);
    this.store.patch(id, { readSeq, unreadFrom: undefined });
    this.pointers.read(id, readSeq);
  }

  /**
   * Marks a conversation as unread from a message on.
   *
   * @param {string} id
   * @param {number} seq
   */
  async markUnread(id, seq) {
    await this.#tell(`read/${id}`, "conversation:unread", { conversationId: id, seq }, true);
  }

  /**
   * Stores a draft, which the user's other devices get, too. An empty text removes it.
   *
   * @param {string} id
   * @param {string} text
   * @param {number} [replyTo]
   */
  setDraft(id, text, replyTo) {
    const isEmpty = !text && replyTo === undefined;
    const draft = { text, ...(replyTo !== undefined && { replyTo }) };
    this.store.patch(id, { draft: isEmpty ? undefined : { ...draft, updatedAt: this.time() } });
    this.pointers.draft(id, draft);
  }

  /**
   * Reports that the user is typing. Call it at every key, and with false at the end.
   *
   * @param {string} id
   * @param {boolean} [on]
   */
  typing(id, on = true) {
    if (!this.connection.isOnline || !this.typists.isDue(id, on)) return;
    this.connection.emitWithAck("typing", { conversationId: id, on }).catch(() => undefined);
  }

  /**
   * Watches the presence of users, until the returned function is called. Of more than a hundred, the newest are watched.
   *
   * @param {string[]} userIds
   * @returns {() => void}
   */
  watch(userIds) {
    let isWatching = true;
    if (this.watched.add(userIds)) this.#tellWatchedSoon();
    return () => {
      if (isWatching && this.watched.remove(userIds)) this.#tellWatchedSoon();
      isWatching = false;
    };
  }

  /** @protected */
  async tellWatched() {
    if (!this.connection.isOnline) return;
    try {
      const ack = await this.connection.emitWithAck("presence:watch", { userIds: this.watched.ids });
      for (const [userId, state] of Object.entries(ack.states)) this.takePresence(userId, state);
    } catch (error) {
      this.complain(error);
    }
  }

  /** Views that open and close at the same time cause one event. */
  #tellWatchedSoon() {
    clearTimeout(this.#watching);
    this.#watching = setTimeout(() => void this.tellWatched(), WATCH);
  }

  /**
   * @param {string} lane
   * @param {string} event
   * @param {any} data
   * @param {boolean} [isLatest]  replaces an earlier one that still waits
   */
  async #tell(lane, event, data, isLatest = false) {
    const entry = { lane, event, data, isKept: true, ...(isLatest && { slot: `${event}/${lane}` }) };
    const { acknowledged } = await this.queue.add(entry);
    return (await acknowledged) ?? {};
  }

  /**
   * @param {Message} message
   * @param {import("./types.js").Pointers} reached
   * @returns {import("./types.js").Status}
   */
  #status({ userId, seq }, { readSeq, deliveredSeq }) {
    if (userId !== this.userId) return "received";
    if (seq <= readSeq) return "read";
    return seq <= deliveredSeq ? "delivered" : "sent";
  }

  /**
   * Returns the lowest read and delivered marks of the other members.
   *
   * @param {string} id
   */
  #reached(id) {
    const receipts = Object.entries(this.conversation(id)?.receipts ?? {});
    const others = receipts.filter(([member]) => member !== this.userId).map(([, pointers]) => pointers);
    if (!others.length) return { readSeq: 0, deliveredSeq: 0 };
    return {
      readSeq: Math.min(...others.map(({ readSeq }) => readSeq)),
      deliveredSeq: Math.min(...others.map(({ readSeq, deliveredSeq }) => Math.max(readSeq, deliveredSeq))),
    };
  }

  /** @param {import("./parts.js").InnerEvents["sent"]} result */
  #sent({ entry, ack, error, isAwaited }) {
    const { event, data } = entry;
    if (error) {
      if (error.code !== "aborted") this.#refused(entry, error, isAwaited);
      return;
    }
    if (!ack) return;
    if (event === "message") this.take(ack.message, false);
    else if (event === "message:delete" && data.scope === "me") {
      this.takeChange({ conversationId: data.conversationId, changeSeq: ack.changeSeq }, { seq: data.seq, hidden: true });
    } else if (ack.message) {
      this.takeChange({ conversationId: data.conversationId, changeSeq: ack.changeSeq }, ack.message);
    } else if (OF_STATE.includes(event)) this.takeState(data.conversationId, ack);
  }

  /**
   * @param {Entry} entry
   * @param {ApiError} error
   * @param {boolean} isAwaited
   */
  #refused({ event, data }, error, isAwaited) {
    const current = error.data?.message;
    if (error.code === "rev_conflict" && current) this.takeChange({ conversationId: data.conversationId }, current);
    if (event === "conversation:read" || event === "message:delivered") {
      this.sync.need(data.conversationId); // the optimistic mark was wrong
      return;
    }
    if (event === "message") this.emit("error", { error, conversationId: data.conversationId, msgId: data.msgId });
    else if (!isAwaited) this.emit("error", { error, conversationId: data.conversationId });
  }

  /** @param {Entry} entry */
  #pending({ data, createdAt, state, error, attachments }) {
    const { replyTo, attachments: _ids, ...rest } = /** @type {any} */ (data);
    const quoted = this.store.timelines.get(data.conversationId)?.at(replyTo);
    /** @type {ShownMessage} */
    const shown = {
      ...rest,
      _id: data.msgId,
      seq: 0,
      userId: this.userId,
      createdAt,
      status: state,
      ...(quoted && { replyTo: { seq: quoted.seq, userId: quoted.userId, text: quoted.text.slice(0, 200) } }),
      ...(attachments && { attachments }),
      ...(error && { error }),
    };
    return shown;
  }

  /** @param {Entry|null} entry */
  #noteQueue(entry) {
    const messages = this.queue.entries.filter(({ event }) => event === "message");
    const failed = messages.filter(({ state }) => state === "failed").length;
    this.emit("queue", { waiting: messages.length - failed, failed });
    if (entry?.event === "message") this.emit("messages", { conversationId: entry.data.conversationId });
  }
}
