import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { Conversations } from "./conversations.js";
import { ApiError, asApiError } from "./errors.js";
import { Http } from "./http.js";
import { Typing, Watch } from "./live.js";
import { Locks } from "./locks.js";
import { memoryStorage } from "./memory.js";
import { syncByPages } from "./pages.js";
import { People } from "./people.js";
import { Pointers } from "./pointers.js";
import { Queue } from "./queue.js";
import { uuid } from "./random.js";
import { Session } from "./session.js";
import { Sync } from "./sync.js";

/** @typedef {import("./types.js").Account} Account */
/** @typedef {import("./types.js").ConnectionState} ConnectionState */
/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Outgoing} Outgoing */
/** @typedef {import("./types.js").Person} Person */
/** @typedef {import("./types.js").Presence} Presence */
/** @typedef {import("./types.js").ShownMessage} ShownMessage */
/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./types.js").SyncAnswer} SyncAnswer */

const PAGE = 50;
const OF_STATE = ["conversation:read", "conversation:unread", "conversation:mute", "draft"];
const SAVE = 300; // milliseconds in which changes are stored together

/**
 * @typedef {object} Options
 * @property {string} url  address of the API, such as "https://chat.example.org"; with the prefix, if it has one
 * @property {(address: string, options: any) => any} io  `io` of socket.io-client 4
 * @property {Storage} [storage]  by default memory
 * @property {typeof globalThis.fetch} [fetch]
 * @property {string} [namespace]  by default the path of `url`
 * @property {string} [path]  of Socket.IO, by default "/socket.io"
 * @property {{limit: number, messages: number}} [window]  conversations, and messages of each, of the first catch-up
 * @property {boolean} [isReceiving]  false: incoming messages are not reported as delivered
 * @property {() => number} [now]
 * @property {() => number} [random]
 *
 * @typedef {object} ClientEvents
 * @property {ConnectionState} state
 * @property {{ids: string[]}} conversations  the list, or these conversations of it, have changed
 * @property {{conversationId: string}} messages  the messages of a conversation have changed
 * @property {{message: Message, conversation: Conversation|undefined, isLive: boolean}} message  somebody's new message
 * @property {{conversationId: string, userIds: string[]}} typing
 * @property {Presence & {userId: string}} presence
 * @property {{conversationId: string, userId: string}} receipt
 * @property {{conversationId: string, joined: any[], left: string[], roles: Record<string, string>, memberCount: number}} members
 * @property {{conversationId: string}} removed  the user is not a member any more
 * @property {{waiting: number, failed: number}} queue
 * @property {any} account  profile, friends, blocks or sessions have changed
 * @property {Person} person  somebody's name or picture has changed
 * @property {undefined} synced  a catch-up has ended, and nothing is known to be missing
 * @property {{error: ApiError, conversationId?: string}} error  of work that nobody waits for
 */

/**
 * A chat client without a user interface: connection, catch-up, state, queue. It runs in browsers, React Native and Node.
 *
 * @extends {Api<ClientEvents>}
 */
export class Client extends Api {
  #options;
  #storage;
  #locks;
  #session;
  #connection;
  #conversations;
  #sync;
  #queue;
  #pointers;
  #typing;
  #watch = new Watch();
  #people;
  #now;
  #random;
  /** @type {AbortController|null} */
  #leading = null;
  #isLeader = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #saving;
  /** @type {Set<string>} */
  #changed = new Set();
  #skew = 0;
  #isBackground = false;
  #hasSync = true;
  /** @type {string|undefined} */
  #listCursor;
  /** @type {Map<string, Promise<void>>} */
  #loading = new Map();
  /** @type {import("./types.js").Channel|undefined} */
  #channel;

  /** @param {Options} options */
  constructor(options) {
    const { url, io, storage = memoryStorage(), now = Date.now, random = Math.random } = options;
    const base = url.replace(/\/+$/, "");
    super(new Http(base, options.fetch ?? ((address, init) => globalThis.fetch(address, init))));
    this.#options = options;
    this.#storage = storage;
    this.#now = now;
    this.#random = random;
    this.#locks = new Locks(storage, now, random);
    this.#session = new Session({
      http: this.http,
      storage,
      locks: this.#locks,
      now,
      ended: (reason) => void this.#leave(reason),
    });
    this.http.session = this.#session;
    const [, origin = "", path = ""] = /^([a-z]+:\/\/[^/]+)?(.*)$/i.exec(base) ?? [];
    this.#connection = new Connection({
      io,
      address: origin + (options.namespace ?? (path || "/")),
      path: options.path ?? "/socket.io",
      session: this.#session,
      now,
      random,
    });
    this.#conversations = new Conversations(
      (id, what) => this.#noteChange(id, what),
      (what, id) => this.#pointers.isPending(what, id),
    );
    this.#sync = new Sync({
      conversations: this.#conversations,
      call: (payload) => this.#callSync(payload),
      read: (id) => this.#readHead(id),
      list: () => this.#readList(),
      window: options.window ?? { limit: PAGE, messages: 0 },
      random,
      applied: (answer, news) => this.#caughtUp(answer, news),
      idle: () => this.emit("synced", undefined),
    });
    this.#queue = new Queue({
      storage,
      send: ({ event, data }) => this.#connection.emitWithAck(event, data),
      now,
      random,
      changed: (entry) => this.#noteQueue(entry),
      done: (entry, ack, error) => this.#sent(entry, ack, error),
    });
    this.#pointers = new Pointers(this.#queue);
    this.#typing = new Typing(now, (conversationId) =>
      this.emit("typing", { conversationId, userIds: this.#typing.in(conversationId) }),
    );
    this.#people = new People((id) => this.http.json("GET", `/users/${id}`));
    this.#connection.on("state", (state) => this.#noteState(state));
    this.#connection.on("event", ({ name, data }) => this.#receive(name, data));
  }

  // ---- the session

  /** The account, or null while signed out. */
  get user() {
    return this.#session.user;
  }

  /** The id of the user; "" while signed out. */
  get userId() {
    return this.#session.userId;
  }

  /** The state of the connection. */
  get state() {
    return this.#connection.state;
  }

  /** True if the state is as new as the last catch-up, and nothing that is known of is missing. */
  get isCurrent() {
    return this.#connection.isOnline && this.#sync.isIdle;
  }

  /** True while something is on its way to the server or waits for it, marks and drafts included. */
  get isBusy() {
    return this.#pointers.isWaiting || this.#queue.entries.some(({ state }) => state !== "failed");
  }

  /** Reads what is stored, and connects if a user is signed in. Call it once. Returns true if one is. */
  async start() {
    this.#listen();
    await this.#session.load();
    if (!this.#session.user) {
      this.#connection.stop("signed_out");
      return false;
    }
    await this.#conversations.load(this.#storage);
    this.#begin();
    return true;
  }

  /**
   * Opens an account and signs in.
   *
   * @param {{fullName: string, email: string, password: string}} form
   */
  register(form) {
    return this.#enter("/register", form);
  }

  /**
   * Signs in.
   *
   * @param {{email: string, password: string}} form
   */
  signIn(form) {
    return this.#enter("/login", form);
  }

  /** Signs out, on the server too if it can be reached, and forgets everything that is stored. */
  async signOut() {
    if (this.#session.user) await this.http.json("POST", "/logout", { timeout: 5000 }).catch(() => undefined);
    await this.#leave("signed_out");
  }

  /**
   * Erases the account.
   *
   * @param {string} password
   */
  async deleteAccount(password) {
    await this.http.json("DELETE", "/me", { body: { password } });
    await this.#leave("erased");
  }

  /**
   * Changes the own profile.
   *
   * @param {{fullName?: string, about?: string, avatar?: string|null, settings?: Record<string, unknown>}} change
   */
  async updateMe(change) {
    const profile = await this.http.json("PATCH", "/me", { body: change });
    await this.#session.update({ fullName: profile.fullName });
    this.emit("account", { profile });
    return profile;
  }

  /** Ends the connection and all timers; what is stored stays. A closed client cannot be used again. */
  async close() {
    const saving = this.#save();
    this.#stopLeading();
    this.#sync.pause();
    this.#queue.close();
    this.#connection.stop("offline", "closed");
    this.#typing.clear();
    this.#channel?.close();
    this.#channel = undefined;
    await saving;
  }

  // ---- the connection

  /** Connects now: after `replaced`, or when the network is back before the next attempt. */
  connect() {
    if (this.#session.user && !this.#isBackground) this.#connection.start();
  }

  /** Disconnects while the app is in the background: a suspended system does not tell that a connection is dead. */
  background() {
    this.#isBackground = true;
    void this.#save(); // the system may end the app at any time
    this.#stopLeading();
    this.#sync.pause();
    if (this.#session.user) this.#connection.stop("offline", "background");
  }

  /** Connects again when the app is in the foreground. */
  foreground() {
    this.#isBackground = false;
    if (!this.#session.user) return;
    this.#lead();
    this.#connection.start();
  }

  /**
   * Takes what the system knows of the network: back, the next attempt is made at once; gone, the connection is given up.
   *
   * @param {boolean} isOnline
   */
  networkChanged(isOnline) {
    if (!this.#session.user || this.#isBackground) return;
    if (isOnline) this.#connection.isOnline ? void this.#probe() : this.#connection.start();
    else this.#connection.restart("network");
  }

  /** Catches up now; after a push message it works without a socket too. Raises ApiError. */
  async catchUp() {
    await this.#sync.now();
    await this.#save();
  }

  // ---- conversations

  /** The conversations that are known, most recently active first. */
  conversations() {
    return this.#conversations.list;
  }

  /**
   * Returns a conversation, or undefined.
   *
   * @param {string} id
   */
  conversation(id) {
    return this.#conversations.heads.get(id);
  }

  /** True if `loadMoreConversations` finds more. */
  get hasMoreConversations() {
    return this.#conversations.hasMore;
  }

  /** Adds the next page to the list of conversations. */
  async loadMoreConversations() {
    const held = this.#conversations.heads.size;
    const limit = this.#listCursor ? PAGE : Math.min(held + PAGE, 200);
    this.#listCursor = await this.#page({ limit, cursor: this.#listCursor });
    this.#conversations.hasMore = this.#listCursor !== undefined;
    this.#noteChange("", "head");
  }

  /**
   * Returns the direct conversation with a user; it is created if it does not exist.
   *
   * @param {string} userId
   * @returns {Promise<Conversation>}
   */
  async openDirect(userId) {
    return this.#took(await this.http.json("PUT", `/conversations/direct/${userId}`));
  }

  /**
   * Creates a group. A repetition with the same `msgId` returns the same group.
   *
   * @param {{title: string, memberIds: string[], history?: "all"|"joined", msgId?: string}} group
   * @returns {Promise<Conversation>}
   */
  async createGroup({ msgId = uuid(this.#random), ...group }) {
    return this.#took(await this.http.json("POST", "/conversations/group", { body: { ...group, msgId } }));
  }

  /**
   * Reads a conversation anew, with the marks of its members.
   *
   * @param {string} id
   * @returns {Promise<Conversation>}
   */
  async readConversation(id) {
    return this.#took(await this.#readHead(id));
  }

  /**
   * Changes a group.
   *
   * @param {string} id
   * @param {{title?: string, avatar?: string|null, history?: "all"|"joined"}} change
   * @returns {Promise<Conversation>}
   */
  async updateConversation(id, change) {
    return this.#took(await this.http.json("PATCH", `/conversations/${id}`, { body: change }));
  }

  /**
   * Deletes a group for all.
   *
   * @param {string} id
   */
  async deleteConversation(id) {
    await this.http.json("DELETE", `/conversations/${id}`);
    this.#conversations.remove(id);
  }

  /**
   * Leaves a group.
   *
   * @param {string} id
   */
  async leave(id) {
    await this.removeMember(id, this.userId);
    this.#conversations.remove(id);
  }

  /**
   * Ends the sound of a conversation until a time; null lets it sound again.
   *
   * @param {string} id
   * @param {string|null} until  ISO 8601
   */
  async mute(id, until) {
    await this.#tell(`mute/${id}`, "conversation:mute", { conversationId: id, until }, true);
  }

  // ---- messages

  /**
   * Shows a conversation: reads its newest messages if none are held, and keeps all in memory until `hide`.
   *
   * @param {string} id
   */
  async show(id) {
    this.#conversations.setOpen(id, true);
    if (!this.#conversations.timelines.has(id)) await this.#once(`newest/${id}`, () => this.#loadNewest(id));
  }

  /**
   * Ends `show`.
   *
   * @param {string} id
   */
  hide(id) {
    this.#conversations.setOpen(id, false);
  }

  /**
   * Returns the messages of a conversation that are held, oldest first, with their status; at the end those that wait.
   *
   * @param {string} id
   * @returns {ShownMessage[]}
   */
  messages(id) {
    const held = this.#conversations.timelines.get(id)?.messages ?? [];
    const known = new Set(held.filter(({ userId }) => userId === this.userId).map(({ msgId }) => msgId));
    const pending = this.#queue.entries
      .filter(({ event, data }) => event === "message" && data.conversationId === id && !known.has(data.msgId))
      .map((entry) => this.#pending(entry));
    return [...held.map((message) => ({ ...message, status: this.status(message) })), ...pending];
  }

  /**
   * Returns how far a stored message has come: "received" for those of others.
   *
   * @param {Message} message
   * @returns {import("./types.js").Status}
   */
  status({ userId, seq, conversationId }) {
    if (userId !== this.userId) return "received";
    const receipts = Object.entries(this.conversation(conversationId)?.receipts ?? {});
    const others = receipts.filter(([member]) => member !== this.userId).map(([, pointers]) => pointers);
    if (!others.length) return "sent";
    if (others.every(({ readSeq }) => readSeq >= seq)) return "read";
    return others.every(({ readSeq, deliveredSeq }) => Math.max(readSeq, deliveredSeq) >= seq) ? "delivered" : "sent";
  }

  /**
   * Returns true if `loadOlder` finds more.
   *
   * @param {string} id
   */
  hasOlder(id) {
    const timeline = this.#conversations.timelines.get(id);
    return timeline ? !timeline.isComplete : true;
  }

  /**
   * Reads the page before the oldest message that is held.
   *
   * @param {string} id
   * @returns {Promise<void>}
   */
  loadOlder(id) {
    return this.#once(`older/${id}`, async () => {
      const timeline = this.#conversations.timelines.get(id);
      if (!timeline) return this.#loadNewest(id);
      if (timeline.isComplete) return undefined;
      const generation = timeline.await();
      try {
        const query = { before: timeline.first, limit: PAGE };
        const page = await this.http.json("GET", `/messages/${id}`, { query });
        if (generation === timeline.generation) timeline.prepend(page.messages, !page.hasMore);
      } finally {
        timeline.stopAwaiting();
      }
      this.#conversations.touch(id);
    });
  }

  /**
   * Puts a message into the queue and returns it as it is shown; it is sent now, or when the client is online.
   * `acknowledged(msgId)` waits for the stored message.
   *
   * @param {string} conversationId
   * @param {Outgoing} outgoing
   * @returns {Promise<ShownMessage>}
   */
  async send(conversationId, { msgId = uuid(this.#random), text = "", ...more }) {
    const data = { conversationId, text, msgId, ...more };
    const { entry, acknowledged } = await this.#queue.add({ lane: conversationId, event: "message", data, isKept: true });
    this.#acknowledged.set(msgId, acknowledged);
    const forget = () => void this.#acknowledged.delete(msgId);
    acknowledged.then(forget, forget);
    return this.#pending(entry);
  }

  /** @type {Map<string, Promise<any>>} */
  #acknowledged = new Map();

  /**
   * Waits for the stored message of `send`. Raises ApiError if the server refuses it or it is discarded.
   *
   * @param {string} msgId
   * @returns {Promise<Message>}
   */
  async acknowledged(msgId) {
    const ack = await this.#acknowledged.get(msgId);
    if (ack) return ack.message;
    for (const timeline of this.#conversations.timelines.values()) {
      const found = timeline.messages.find((message) => message.msgId === msgId && message.userId === this.userId);
      if (found) return found;
    }
    throw new ApiError({ code: "not_found", statusCode: 404, message: "This client has sent no such message" });
  }

  /** The messages that wait or have failed, in all conversations. */
  pending() {
    return this.#queue.entries.filter(({ event }) => event === "message").map((entry) => this.#pending(entry));
  }

  /**
   * Sends a failed message again.
   *
   * @param {string} msgId
   */
  async retry(msgId) {
    const entry = this.#entryOf(msgId);
    if (entry) await this.#queue.retry(entry.key);
  }

  /**
   * Removes a message that was not acknowledged; returns false while it is being sent.
   *
   * @param {string} msgId
   */
  async discard(msgId) {
    const entry = this.#entryOf(msgId);
    return entry ? this.#queue.discard(entry.key) : false;
  }

  /**
   * Changes the text of an own message; `final: true` ends a streaming one. Waits until the server has acknowledged it.
   * Raises ApiError `rev_conflict` if another device was faster; the client then has its text.
   *
   * @param {string} conversationId
   * @param {number} seq
   * @param {string} text
   * @param {{rev?: number, final?: boolean}} [options]  `rev`: of the message that the user has seen
   * @returns {Promise<Message>}
   */
  async edit(conversationId, seq, text, { rev, final } = {}) {
    const known = rev ?? this.#conversations.timelines.get(conversationId)?.at(seq)?.rev ?? 0;
    const data = { conversationId, seq, text, rev: known, ...(final && { final }) };
    return (await this.#tell(conversationId, "message:edit", data)).message;
  }

  /**
   * Deletes a message: for all (the author, or an admin of the group) or for oneself.
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
   * Shows what an own streaming message gains, to those who watch. It is not stored: `edit(…, {final: true})` stores.
   *
   * @param {string} conversationId
   * @param {number} seq
   * @param {number} offset  code points before the text
   * @param {string} text
   */
  async delta(conversationId, seq, offset, text) {
    await this.#connection.emitWithAck("message:delta", { conversationId, seq, offset, text });
    this.#conversations.takeDelta({ conversationId, seq, offset, text });
  }

  // ---- reading, writing, presence

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
    this.#conversations.patch(id, { readSeq, unreadFrom: undefined });
    this.#pointers.read(id, readSeq);
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
   * Keeps a draft on the user's other devices too; an empty text removes it.
   *
   * @param {string} id
   * @param {string} text
   * @param {number} [replyTo]
   */
  setDraft(id, text, replyTo) {
    const isEmpty = !text && replyTo === undefined;
    const draft = { text, ...(replyTo !== undefined && { replyTo }) };
    this.#conversations.patch(id, { draft: isEmpty ? undefined : { ...draft, updatedAt: this.#time() } });
    this.#pointers.draft(id, draft);
  }

  /**
   * Tells the others that the user is typing: call it at every key, and with false at the end.
   *
   * @param {string} id
   * @param {boolean} [on]
   */
  typing(id, on = true) {
    if (!this.#connection.isOnline || !this.#typing.isDue(id, on)) return;
    this.#connection.emitWithAck("typing", { conversationId: id, on }).catch(() => undefined);
  }

  /**
   * Returns the ids of the users who are typing.
   *
   * @param {string} id
   */
  typingIn(id) {
    return this.#typing.in(id);
  }

  /**
   * Watches whether users are online, until the returned function is called. At most the newest hundred are watched.
   *
   * @param {string[]} userIds
   * @returns {() => void}
   */
  watch(userIds) {
    let isWatching = true;
    if (this.#watch.add(userIds)) void this.#tellWatched();
    return () => {
      if (isWatching && this.#watch.remove(userIds)) void this.#tellWatched();
      isWatching = false;
    };
  }

  /**
   * Returns the presence of a watched user, or undefined.
   *
   * @param {string} userId
   */
  presence(userId) {
    return this.#watch.states.get(userId);
  }

  /**
   * Returns a user's name and picture; they are kept, and renewed by the event `person`.
   *
   * @param {string} userId
   * @returns {Promise<Person>}
   */
  person(userId) {
    return this.#people.get(userId);
  }

  // ---- within

  /**
   * @param {string} path
   * @param {any} form
   */
  async #enter(path, form) {
    if (this.#session.user) await this.#leave("signed_out");
    await this.#session.keep(await this.http.json("POST", path, { body: form, auth: false }));
    this.#listen();
    this.#channel?.post({ kind: "signed_in" });
    this.#begin();
    return /** @type {Account} */ (this.#session.user);
  }

  /** Follows the other clients of the storage: they sign in and out together. */
  #listen() {
    if (this.#channel || !this.#storage.channel) return;
    this.#channel = this.#storage.channel();
    this.#channel.subscribe((message) => {
      if (message.kind === "signed_out" && this.#session.user) void this.#leave("signed_out", false);
      if (message.kind === "signed_in" && !this.#session.user) this.start().catch((error) => this.#report(error));
    });
  }

  #begin() {
    this.#isBackground = false;
    void this.#queue.load().catch((error) => this.#report(error));
    this.#lead();
    this.#connection.start();
  }

  /**
   * @param {string} reason
   * @param {boolean} [isFirst]  false if another tab has signed out
   */
  async #leave(reason, isFirst = true) {
    this.#stopLeading();
    this.#sync.pause();
    this.#connection.stop("signed_out", reason);
    clearTimeout(this.#saving);
    this.#typing.clear();
    this.#watch.clear();
    this.#people.clear();
    this.#conversations.clear();
    this.#pointers.clear();
    this.#listCursor = undefined;
    const isOwn = await this.#session.forget();
    if (!isOwn) void this.start().catch((error) => this.#report(error));
    else if (isFirst) {
      this.#channel?.post({ kind: "signed_out" });
      await this.#queue.clear();
      for (const prefix of ["head/", "timeline/", "list", "queue/"]) {
        for (const key of await this.#storage.keys(prefix)) await this.#storage.delete(key);
      }
    }
    this.emit("conversations", { ids: [] });
  }

  /** One client of a storage sends what waits, and stores the state; another one takes over when it ends. */
  #lead() {
    if (this.#leading) return;
    const leading = new AbortController();
    this.#leading = leading;
    const work = async () => {
      if (leading.signal.aborted) return;
      this.#isLeader = true;
      this.#conversations.unsaveAll();
      this.#queue.set({ isSender: true });
      await new Promise((resolve) => leading.signal.addEventListener("abort", resolve));
    };
    this.#locks.hold("leader", work, leading.signal).catch((error) => this.#report(error));
  }

  #stopLeading() {
    this.#leading?.abort();
    this.#leading = null;
    this.#isLeader = false;
    this.#queue.set({ isSender: false });
  }

  /** @param {ConnectionState} state */
  #noteState(state) {
    if (state.state !== "online") {
      this.#queue.set({ isOnline: false });
      this.#sync.pause();
      this.#typing.clear();
    } else this.#connected();
    this.emit("state", state);
  }

  #connected() {
    this.#sync.resume();
    this.#queue.set({ isOnline: true });
    if (this.#watch.ids.length) void this.#tellWatched();
  }

  /** Asks the server for a sign of life; without one the connection is given up. */
  async #probe() {
    try {
      await this.#sync.now();
    } catch (error) {
      if (!asApiError(error).statusCode) this.#connection.restart("network");
    }
  }

  /**
   * Asks by the socket if it is connected, else by HTTP.
   *
   * @param {any} payload
   * @returns {Promise<SyncAnswer>}
   */
  async #callSync(payload) {
    if (this.#hasSync) {
      try {
        if (!this.#connection.isOnline) return await this.http.json("POST", "/sync", { body: payload });
        const { ok: _, ...answer } = await this.#connection.emitWithAck("sync", payload, 20_000);
        return answer;
      } catch (thrown) {
        const error = asApiError(thrown);
        if (error.statusCode !== 404) throw error;
        this.#hasSync = false; // a table may leave it out
      }
    }
    return syncByPages(this.http, payload);
  }

  /**
   * @param {string} lane
   * @param {string} event
   * @param {any} data
   * @param {boolean} [isLatest]  replaces an earlier one that still waits
   */
  async #tell(lane, event, data, isLatest = false) {
    const entry = { lane, event, data, isKept: true, ...(isLatest && { slot: `${event}/${lane}` }) };
    const { acknowledged } = await this.#queue.add(entry);
    return (await acknowledged) ?? {};
  }

  /**
   * Takes an event of the server.
   *
   * @param {string} name
   * @param {any} data
   */
  #receive(name, data) {
    const handle = this.#handlers[name];
    if (!handle || typeof data !== "object" || data === null) return;
    handle(data);
  }

  /** @type {Record<string, (data: any) => void>} */
  #handlers = {
    message: (data) => this.#receiveMessage(data),
    "message:edited": (data) => this.#receiveChange(data, data.message),
    "message:deleted": (data) => this.#receiveChange(data, data.message),
    "message:reacted": (data) => this.#receiveChange(data, data.message),
    "message:hidden": (data) => this.#receiveChange(data, { seq: data.seq, hidden: true }),
    "message:delta": (data) => this.#conversations.takeDelta(data),
    receipt: (data) => {
      const { conversationId, userId } = data;
      if (userId === this.userId) this.#receivePointers(data);
      else this.#receiveReceipt(data);
      this.#changeSeq(conversationId, data.changeSeq);
      this.emit("receipt", { conversationId, userId });
    },
    "conversation:new": ({ conversation }) => {
      this.#sync.touch(conversation.id);
      this.#conversations.takeHead(conversation);
      if (conversation.lastSeq) this.#pointers.delivered(conversation, this.#options.isReceiving !== false);
    },
    "conversation:updated": ({ conversation }) => {
      this.#sync.touch(conversation.id);
      const before = this.conversation(conversation.id)?.changeSeq ?? 0;
      const isWhole = "lastSeq" in conversation && "readSeq" in conversation;
      const { changeSeq, lastSeq, updatedAt, ...head } = conversation;
      if (isWhole) this.#conversations.takeHead({ ...head, lastSeq, updatedAt, changeSeq: before });
      else this.#conversations.patch(conversation.id, { avatar: undefined, pins: undefined, ...head });
      // In a part, the newest message has no preview.
      if (lastSeq > (this.conversation(conversation.id)?.lastSeq ?? 0)) this.#sync.need();
      this.#changeSeq(conversation.id, changeSeq);
    },
    "conversation:removed": ({ conversationId }) => {
      this.#conversations.remove(conversationId);
      this.emit("removed", { conversationId });
    },
    "conversation:state": (data) => {
      this.#sync.touch(data.conversationId);
      this.#takeState(data.conversationId, data);
    },
    "members:changed": (data) => {
      const { conversationId, joined = [], left = [], roles = {}, memberCount, changeSeq } = data;
      const head = this.conversation(conversationId);
      if (head) {
        const receipts = { ...head.receipts };
        for (const userId of left) delete receipts[userId];
        const role = roles[this.userId] ?? head.role;
        this.#conversations.patch(conversationId, { memberCount, role, ...(head.receipts && { receipts }) });
        // The marks of those who join are only in the head.
        if (joined.length) this.#sync.need(conversationId);
      }
      this.#changeSeq(conversationId, changeSeq);
      this.emit("members", { conversationId, joined, left, roles, memberCount });
    },
    typing: (data) => {
      if (data.userId !== this.userId) this.#typing.take(data, this.#skew);
    },
    presence: ({ userId, online, lastSeen }) => this.#takePresence(userId, { online, lastSeen }),
    "account:updated": (data) => this.emit("account", data),
    "person:updated": ({ person }) => {
      this.#people.take(person);
      this.emit("person", person);
    },
    ready: ({ serverTime }) => this.#takeTime(serverTime),
    heads: ({ heads }) => this.#compare(heads ?? {}),
    "auth:expiring": () => void this.#renewOnSocket(),
  };

  /** @param {any} live */
  #receiveMessage(live) {
    const { senderId, receiverId: _receiver, clientCreatedAt: _created, duplicate: _duplicate, ...rest } = live;
    /** @type {Message} */
    const message = { ...rest, userId: rest.userId ?? senderId };
    this.#take(message, true);
  }

  /**
   * @param {Message} message
   * @param {boolean} isLive
   */
  #take(message, isLive) {
    const id = message.conversationId;
    const known = this.conversation(id)?.lastSeq ?? 0;
    if (!this.#conversations.takeMessage(message, this.userId)) this.#sync.need();
    if (message.userId === this.userId) this.#settle(message);
    if (isLive && message.seq > known) this.#announce(message, true);
  }

  /**
   * @param {Message} message
   * @param {boolean} isLive
   */
  #announce(message, isLive) {
    if (message.userId === this.userId) return;
    const conversation = this.conversation(message.conversationId);
    this.#typing.take({ conversationId: message.conversationId, userId: message.userId, on: false }, 0);
    if (conversation) this.#pointers.delivered(conversation, this.#options.isReceiving !== false);
    this.emit("message", { message, conversation, isLive });
  }

  /**
   * Ends the entry of a message that has arrived by another way than its acknowledgement.
   *
   * @param {Message} message
   */
  #settle(message) {
    const entry = this.#entryOf(message.msgId);
    if (entry) this.#queue.settle(entry.key, { ok: true, message, duplicate: true });
  }

  /**
   * @param {{conversationId: string, changeSeq?: number}} data
   * @param {Message|{seq: number, hidden: true}} change
   */
  #receiveChange({ conversationId, changeSeq }, change) {
    if (!this.#conversations.takeChange(conversationId, changeSeq, change)) this.#sync.need();
  }

  /**
   * @param {string} id
   * @param {number|undefined} changeSeq
   */
  #changeSeq(id, changeSeq) {
    if (!this.#conversations.takeChangeSeq(id, changeSeq)) {
      this.#sync.need();
      if (!this.#conversations.timelines.has(id)) this.#sync.need(id);
    }
  }

  /** @param {{conversationId: string, userId: string, readSeq: number, deliveredSeq: number, changeSeq: number}} receipt */
  #receiveReceipt({ conversationId, userId, changeSeq, ...pointers }) {
    const head = this.conversation(conversationId);
    if (!head?.receipts) return; // they come whole when the conversation is opened
    // A late one of somebody who has left.
    if (!head.receipts[userId] && changeSeq <= (head.changeSeq ?? 0)) return;
    this.#conversations.receipt(conversationId, userId, pointers);
  }

  /** @param {{conversationId: string, readSeq?: number, deliveredSeq?: number}} pointers */
  #receivePointers({ conversationId, readSeq = 0, deliveredSeq = 0 }) {
    const head = this.conversation(conversationId);
    if (!head) return;
    this.#conversations.patch(conversationId, {
      readSeq: Math.max(head.readSeq ?? 0, readSeq),
      deliveredSeq: Math.max(head.deliveredSeq ?? 0, deliveredSeq),
    });
  }

  /** @param {Record<string, {seq: number, changeSeq: number}>} heads */
  #compare(heads) {
    for (const [id, { seq, changeSeq }] of Object.entries(heads)) {
      const head = this.conversation(id);
      if (!head || head.lastSeq < seq || (head.changeSeq ?? 0) < changeSeq || this.#conversations.isBehind(id)) {
        this.#sync.need();
        if (head && (head.changeSeq ?? 0) < changeSeq) this.#sync.need(id);
      }
    }
  }

  /**
   * @param {SyncAnswer} answer
   * @param {Message[]} news
   */
  #caughtUp(answer, news) {
    this.#takeTime(answer.serverTime);
    for (const list of Object.values(answer.messages)) {
      for (const message of list) if (message.userId === this.userId) this.#settle(message);
    }
    for (const message of news) this.#announce(message, false);
    for (const head of answer.heads) this.#pointers.delivered(head, this.#options.isReceiving !== false);
    if (answer.account) this.emit("account", answer.account);
    for (const conversationId of answer.removed) this.emit("removed", { conversationId });
    this.#saveSoon();
  }

  /**
   * @param {Entry} entry
   * @param {any} ack
   * @param {ApiError|null} error
   */
  #sent(entry, ack, error) {
    const { event, data } = entry;
    if (error) {
      if (event !== "message" && error.code !== "aborted") this.#refused(entry, error);
      else if (error.code !== "aborted") this.emit("error", { error, conversationId: data.conversationId });
      return;
    }
    if (!ack) return;
    if (event === "message") this.#take(withoutDuplicate(ack.message), false);
    else if (event === "message:delete" && data.scope === "me") {
      this.#receiveChange({ conversationId: data.conversationId, changeSeq: ack.changeSeq }, { seq: data.seq, hidden: true });
    } else if (ack.message) {
      this.#receiveChange({ conversationId: data.conversationId, changeSeq: ack.changeSeq }, ack.message);
    } else if (OF_STATE.includes(event)) this.#takeState(data.conversationId, ack);
  }

  /**
   * Takes the user's own marks of a conversation. What waits to be told is newer than what the server says.
   *
   * @param {string} id
   * @param {Partial<Conversation>} state
   */
  #takeState(id, { readSeq = 0, unreadFrom, mutedUntil, draft }) {
    const former = this.conversation(id)?.readSeq ?? 0;
    this.#conversations.patch(id, {
      ...(!this.#pointers.isPending("read", id) && { readSeq: Math.max(former, readSeq), unreadFrom }),
      ...(!this.#pointers.isPending("mute", id) && { mutedUntil }),
      ...(!this.#pointers.isPending("draft", id) && { draft }),
    });
  }

  /**
   * @param {Entry} entry
   * @param {ApiError} error
   */
  #refused({ event, data }, error) {
    const current = error.data?.message;
    if (error.code === "rev_conflict" && current) this.#receiveChange({ conversationId: data.conversationId }, current);
    if (event === "conversation:read" || event === "message:delivered") {
      this.#sync.need(data.conversationId); // the optimistic mark was wrong
      return;
    }
    this.emit("error", { error, conversationId: data.conversationId });
  }

  /** @param {Entry} entry */
  #pending({ data, createdAt, state, error }) {
    const { replyTo, attachments: _attachments, ...rest } = /** @type {any} */ (data);
    const quoted = this.#conversations.timelines.get(data.conversationId)?.at(replyTo);
    /** @type {ShownMessage} */
    const shown = {
      ...rest,
      _id: data.msgId,
      seq: 0,
      userId: this.userId,
      createdAt,
      status: state,
      ...(quoted && { replyTo: { seq: quoted.seq, userId: quoted.userId, text: quoted.text.slice(0, 200) } }),
      ...(error && { error }),
    };
    return shown;
  }

  /** @param {string} msgId */
  #entryOf(msgId) {
    return this.#queue.entries.find(({ event, data }) => event === "message" && data.msgId === msgId);
  }

  /** @param {Conversation} head */
  #took(head) {
    this.#conversations.takeHead(head);
    return /** @type {Conversation} */ (this.conversation(head.id));
  }

  /**
   * @param {string} id
   * @returns {Promise<Conversation>}
   */
  async #readHead(id) {
    return { receipts: {}, ...(await this.http.json("GET", `/conversations/${id}`)) };
  }

  /** @param {string} id */
  async #loadNewest(id) {
    // The head first: the page is then newer, and changes of both are only seen twice.
    const held = this.conversation(id);
    const { changeSeq = 0 } = held?.receipts ? held : await this.readConversation(id).catch((thrown) => {
      const error = asApiError(thrown);
      if (held && error.statusCode === 404 && !this.#hasSync) return held; // a table may leave it out
      throw error;
    });
    const page = await this.http.json("GET", `/messages/${id}`, { query: { limit: PAGE } });
    if (this.#conversations.timelines.has(id)) return;
    const position = { messages: page.messages, seq: page.lastSeq, changeSeq, isComplete: !page.hasMore };
    this.#conversations.resetTimeline(id, position);
    if (this.#conversations.isBehind(id)) this.#sync.need();
  }

  /**
   * Runs `work` once for all who ask meanwhile.
   *
   * @param {string} key
   * @param {() => Promise<void>} work
   * @returns {Promise<void>}
   */
  #once(key, work) {
    const running = this.#loading.get(key) ?? work().finally(() => this.#loading.delete(key));
    this.#loading.set(key, running);
    return running;
  }

  async #readList() {
    const wanted = Math.max(this.#conversations.heads.size, PAGE);
    let seen = 0;
    /** @type {string|undefined} */
    let cursor;
    do {
      const limit = Math.min(200, wanted - seen);
      cursor = await this.#page({ limit, cursor });
      seen += limit;
    } while (cursor && seen < wanted);
    this.#listCursor = cursor;
    this.#conversations.hasMore = cursor !== undefined;
  }

  /** @param {{limit: number, cursor?: string}} query */
  async #page(query) {
    const response = await this.http.request("GET", "/conversations", { query });
    for (const head of await response.json()) if (!this.#conversations.takeHead(head)) this.#sync.need(head.id);
    return response.headers.get("x-next-cursor") ?? undefined;
  }

  async #tellWatched() {
    if (!this.#connection.isOnline) return;
    try {
      const ack = await this.#connection.emitWithAck("presence:watch", { userIds: this.#watch.ids });
      for (const [userId, state] of Object.entries(ack.states ?? ack.presence ?? {})) this.#takePresence(userId, state);
    } catch (error) {
      this.#report(error);
    }
  }

  /**
   * @param {string} userId
   * @param {Presence} state
   */
  #takePresence(userId, { online, lastSeen }) {
    if (!this.#watch.ids.includes(userId)) return;
    const state = { online, ...(lastSeen && { lastSeen }) };
    this.#watch.states.set(userId, state);
    this.emit("presence", { userId, ...state });
  }

  async #renewOnSocket() {
    try {
      const token = await this.#session.renew(await this.#session.fresh());
      await this.#connection.emitWithAck("auth:refresh", { token });
    } catch (error) {
      this.#report(error);
    }
  }

  /** @param {string|undefined} serverTime */
  #takeTime(serverTime) {
    if (serverTime) this.#skew = Date.parse(serverTime) - this.#now();
  }

  #time() {
    return new Date(this.#now() + this.#skew).toISOString();
  }

  /**
   * Tells listeners once for all changes of one turn of the event loop.
   *
   * @param {string} id
   * @param {"head"|"messages"} what
   */
  #noteChange(id, what) {
    if (!this.#changed.size) queueMicrotask(() => this.#tellChanges());
    this.#changed.add(`${what}/${id}`);
    if (id) this.#saveSoon();
  }

  #tellChanges() {
    const changed = [...this.#changed].map((name) => name.split("/"));
    this.#changed.clear();
    const ids = changed.filter(([what]) => what === "head").map(([, id]) => id);
    if (ids.length) this.emit("conversations", { ids: ids.filter(Boolean) });
    // The marks of a head are part of what its messages show.
    for (const conversationId of new Set(changed.map(([, id]) => id))) {
      if (conversationId) this.emit("messages", { conversationId });
    }
  }

  /** @param {Entry|null} entry */
  #noteQueue(entry) {
    const messages = this.#queue.entries.filter(({ event }) => event === "message");
    const failed = messages.filter(({ state }) => state === "failed").length;
    this.emit("queue", { waiting: messages.length - failed, failed });
    if (entry?.event === "message") this.emit("messages", { conversationId: entry.data.conversationId });
  }

  #saveSoon() {
    this.#saving ??= setTimeout(() => void this.#save(), SAVE);
  }

  async #save() {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    if (!this.#isLeader || !this.#session.user) return;
    try {
      await this.#conversations.save(this.#storage);
    } catch (error) {
      this.#report(error); // a full disk: the app works on, and the next start reads more from the server
    }
  }

  /** @param {unknown} error */
  #report(error) {
    this.emit("error", { error: asApiError(error) });
  }
}

/** @param {any} message */
function withoutDuplicate({ duplicate: _, ...message }) {
  return message;
}
