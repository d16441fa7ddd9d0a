import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { Conversations } from "./conversations.js";
import { Emitter } from "./emitter.js";
import { asApiError } from "./errors.js";
import { Http } from "./http.js";
import { Locks } from "./locks.js";
import { memoryStorage } from "./memory.js";
import { Pointers } from "./pointers.js";
import { Queue } from "./queue.js";
import { Session } from "./session.js";

/** @typedef {import("./types.js").ConnectionState} ConnectionState */
/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Person} Person */
/** @typedef {import("./types.js").Presence} Presence */
/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./types.js").SyncAnswer} SyncAnswer */
/** @typedef {import("./errors.js").ApiError} ApiError */

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
 * @property {{message: Message, conversation: Conversation|undefined, isLive: boolean}} message  a new message of another user
 * @property {{conversationId: string, userIds: string[]}} typing
 * @property {Presence & {userId: string}} presence
 * @property {{conversationId: string, userId: string}} receipt
 * @property {{conversationId: string, joined: any[], left: string[], roles: Record<string, string>, memberCount: number}} members
 * @property {{conversationId: string}} removed  the user is not a member any more
 * @property {{waiting: number, failed: number}} queue
 * @property {any} account  profile, friends, blocks or sessions have changed
 * @property {Person} person  the name or picture of a user has changed
 * @property {undefined} synced  a catch-up has ended, and the state includes all known changes
 * @property {{error: ApiError, conversationId?: string, msgId?: string}} error  an error of background work
 *
 * @typedef {object} InnerEvents  between the layers of the client
 * @property {string} ended  the server has refused the session
 * @property {{id: string, what: "head"|"messages"}} changed
 * @property {{entry: Entry|null}} queued
 * @property {{entry: Entry, ack: any, error: ApiError|null, isAwaited: boolean}} sent
 * @property {{answer: SyncAnswer, news: Message[]}} applied
 */

/**
 * The parts of a client, connected. The layers above it are `Reader`, `Receiver`, `Sender` and `Client`.
 *
 * @extends {Api<ClientEvents>}
 */
export class Parts extends Api {
  /** @param {Options} options */
  constructor(options) {
    const { url, io, storage = memoryStorage(), now = Date.now, random = Math.random } = options;
    const base = url.replace(/\/+$/, "");
    super(new Http(base, options.fetch ?? ((address, init) => globalThis.fetch(address, init))));
    /** @protected */
    this.options = options;
    /** @protected */
    this.storage = storage;
    /** @protected */
    this.now = now;
    /** @protected */
    this.random = random;
    /** @protected @type {Emitter<InnerEvents>} */
    this.inner = new Emitter();
    /** @protected */
    this.locks = new Locks(storage, now, random);
    /** @protected */
    this.session = new Session({
      http: this.http,
      storage,
      locks: this.locks,
      now,
      ended: (reason) => this.inner.emit("ended", reason),
    });
    this.http.session = this.session;
    const [, origin = "", path = ""] = /^([a-z]+:\/\/[^/]+)?(.*)$/i.exec(base) ?? [];
    /** @protected */
    this.connection = new Connection({
      io,
      address: origin + (options.namespace ?? (path || "/")),
      path: options.path ?? "/socket.io",
      session: this.session,
      now,
      random,
    });
    /** @protected */
    this.queue = new Queue({
      storage,
      send: ({ event, data }) => this.connection.emitWithAck(event, data),
      now,
      random,
      changed: (entry) => this.inner.emit("queued", { entry }),
      done: (result) => this.inner.emit("sent", result),
    });
    /** @protected */
    this.pointers = new Pointers(this.queue, options.isReceiving !== false);
    /** @protected */
    this.store = new Conversations(
      (id, what) => this.inner.emit("changed", { id, what }),
      (what, id) => this.pointers.isPending(what, id),
    );
  }

  /** The account, or null while signed out. */
  get user() {
    return this.session.user;
  }

  /** The id of the user; "" while signed out. */
  get userId() {
    return this.session.userId;
  }

  /**
   * @protected
   * @param {unknown} error
   */
  complain(error) {
    this.emit("error", { error: asApiError(error) });
  }
}
