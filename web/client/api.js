import { Emitter } from "./emitter.js";
import { upload } from "./transfer.js";

/** @typedef {import("./http.js").Http} Http */
/** @typedef {import("./types.js").Attachment} Attachment */
/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Member} Member */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Person} Person */

/**
 * The requests whose answers the client does not keep. Each method sends one request (docs/chat.md), returns its
 * body, and raises ApiError.
 *
 * @template {Record<string, any>} Events
 * @extends {Emitter<Events>}
 */
export class Api extends Emitter {
  /** @type {Http} */
  http;

  /** @param {Http} http */
  constructor(http) {
    super();
    this.http = http;
  }

  /** Returns the user's profile. */
  me() {
    return this.http.json("GET", "/me");
  }

  /**
   * Changes the user's password; the other sessions end.
   *
   * @param {string} password
   * @param {string} newPassword
   */
  changePassword(password, newPassword) {
    return this.http.json("PUT", "/me/password", { body: { password, newPassword } });
  }

  /** Requests a mail that verifies the user's e-mail. */
  requestVerification() {
    return this.http.json("POST", "/me/email/verification");
  }

  /** @param {string} token  from the mail */
  verify(token) {
    return this.http.json("POST", "/verify", { body: { token }, auth: false });
  }

  /** @param {string} email  of an account that may or may not exist */
  forgotPassword(email) {
    return this.http.json("POST", "/password/forgotten", { body: { email }, auth: false });
  }

  /**
   * @param {string} token  from the mail
   * @param {string} password
   */
  resetPassword(token, password) {
    return this.http.json("POST", "/password/reset", { body: { token, password }, auth: false });
  }

  /** Returns all data of the user, as lines of JSON. */
  async exportData() {
    return (await this.http.request("GET", "/me/export", { timeout: 0 })).blob();
  }

  /** Returns the user's sessions; the one of this client has `current: true`. */
  sessions() {
    return this.http.json("GET", "/sessions");
  }

  /** @param {string} sessionId */
  endSession(sessionId) {
    return this.http.json("DELETE", `/sessions/${sessionId}`);
  }

  /** Ends all sessions except that of this client. */
  endOtherSessions() {
    return this.http.json("DELETE", "/sessions");
  }

  /**
   * Returns the friends by id.
   *
   * @returns {Promise<Record<string, Person>>}
   */
  friends() {
    return this.http.json("GET", "/friends");
  }

  /**
   * @param {string} email
   * @returns {Promise<Person>}
   */
  async addFriend(email) {
    return (await this.http.json("POST", "/friends", { body: { email } })).friend;
  }

  /** @param {string} friendId */
  removeFriend(friendId) {
    return this.http.json("DELETE", `/friends/${friendId}`);
  }

  /** @returns {Promise<Person[]>} */
  blocks() {
    return this.http.json("GET", "/blocks");
  }

  /** @param {string} userId */
  block(userId) {
    return this.http.json("PUT", `/blocks/${userId}`);
  }

  /** @param {string} userId */
  unblock(userId) {
    return this.http.json("DELETE", `/blocks/${userId}`);
  }

  /**
   * Returns a page of a conversation's members, and the cursor of the next page if one exists.
   *
   * @param {string} conversationId
   * @param {{limit?: number, cursor?: string}} [query]
   * @returns {Promise<{members: Member[], cursor?: string}>}
   */
  async members(conversationId, query) {
    const response = await this.http.request("GET", `/conversations/${conversationId}/members`, { query });
    const cursor = response.headers.get("x-next-cursor");
    return { members: await response.json(), ...(cursor && { cursor }) };
  }

  /**
   * Adds a member to a group, or changes a member's role.
   *
   * @param {string} conversationId
   * @param {string} userId
   * @param {"owner"|"admin"|"member"} [role]
   */
  putMember(conversationId, userId, role) {
    return this.http.json("PUT", `/conversations/${conversationId}/members/${userId}`, { body: role ? { role } : {} });
  }

  /**
   * @param {string} conversationId
   * @param {string} userId
   */
  removeMember(conversationId, userId) {
    return this.http.json("DELETE", `/conversations/${conversationId}/members/${userId}`);
  }

  /**
   * @param {string} conversationId
   * @param {number} seq
   */
  pin(conversationId, seq) {
    return this.http.json("PUT", `/conversations/${conversationId}/pins/${seq}`);
  }

  /**
   * @param {string} conversationId
   * @param {number} seq
   */
  unpin(conversationId, seq) {
    return this.http.json("DELETE", `/conversations/${conversationId}/pins/${seq}`);
  }

  /**
   * Returns messages that contain the words, newest first, and the cursor of the next page if one exists.
   *
   * @param {{q: string, conversationId?: string, from?: string, before?: string|number, cursor?: string, limit?: number}} query
   * @returns {Promise<{hits: Message[], cursor?: string}>}
   */
  search(query) {
    return this.http.json("GET", "/search", { query });
  }

  /**
   * Uploads a file. Send its attachment in `attachments` of a message.
   *
   * @param {Blob|ArrayBuffer|Uint8Array} file
   * @param {import("./transfer.js").UploadOptions} [options]
   * @returns {Promise<Attachment>}
   */
  upload(file, options) {
    return upload(this.http, file, options);
  }

  /**
   * Returns the response of an attachment: `blob()`, `arrayBuffer()` or `body` read it.
   *
   * @param {string} attachmentId
   * @param {{range?: string, signal?: AbortSignal}} [options]  `range`: "bytes=0-1023"
   */
  download(attachmentId, { range, signal } = {}) {
    const headers = range ? { range } : undefined;
    return this.http.request("GET", `/attachments/${attachmentId}`, { headers, signal, timeout: 0 });
  }

  /**
   * Returns the presence of at most a hundred users. `watch` also reports changes.
   *
   * @param {string[]} userIds
   * @returns {Promise<Record<string, import("./types.js").Presence>>}
   */
  presenceOf(userIds) {
    return this.http.json("GET", "/presence", { query: { ids: userIds.join(",") } });
  }

  /**
   * Registers this device for push messages.
   *
   * @param {string} deviceId
   * @param {{token: string, platform: string}} device
   */
  registerDevice(deviceId, device) {
    return this.http.json("PUT", `/devices/${deviceId}`, { body: device });
  }

  /** @param {string} deviceId */
  removeDevice(deviceId) {
    return this.http.json("DELETE", `/devices/${deviceId}`);
  }

  /** @param {any} report  the body of POST /reports */
  report(report) {
    return this.http.json("POST", "/reports", { body: report });
  }
}
