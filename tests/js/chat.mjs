// A client app of the chat: `node chat.mjs ADDRESS PHASE`. "talk" registers two users who exchange messages; "return"
// logs in after a restart of the server and reads them. Exits with 1 at the first unexpected result.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [address, phase] = process.argv.slice(2);
const accounts = {
  ann: { fullName: "Ann Lee", email: "ann@example.org", password: "Ann's password" },
  bob: { fullName: "Bob Ray", email: "Bob@example.org", password: "Bob's password" },
};

class App {
  constructor({ token, user }) {
    this.token = token;
    this.user = user;
    this.inbox = [];
  }

  static async enter(path, { fullName, email, password }) {
    const account = path === "/register" ? { fullName, email, password } : { email, password };
    const answer = await call("POST", path, account);
    assert.equal(answer.error, undefined, answer.message);
    return new App(answer);
  }

  call(method, path, body) {
    return call(method, path, body, this.token);
  }

  async connect() {
    this.socket = io(address, { transports: ["websocket"], auth: (give) => give({ token: this.token }) });
    this.socket.on("message", (message) => {
      this.inbox.push(message);
      this.news?.();
    });
    await new Promise((resolve, reject) => this.socket.on("connect", resolve).on("connect_error", reject));
    const ack = await this.emit("init", { senderId: this.user.myId });
    assert.equal(ack.ok, true);
    assert.equal(ack.socketId, this.socket.id);
    return ack.heads;
  }

  emit(event, data) {
    return this.socket.timeout(5000).emitWithAck(event, data);
  }

  async received(count) {
    while (this.inbox.length < count) await new Promise((resolve) => (this.news = resolve));
    return this.inbox;
  }
}

async function call(method, path, body, token) {
  const headers = { ...(body && { "content-type": "application/json" }), ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(address + path, { method, headers, body: body && JSON.stringify(body) });
  return answer.json();
}

async function refusal(auth) {
  const socket = io(address, { transports: ["websocket"], auth, reconnection: false });
  const error = await new Promise((resolve) => socket.on("connect_error", resolve));
  socket.disconnect();
  return error;
}

async function talk() {
  const ann = await App.enter("/register", accounts.ann);
  const bob = await App.enter("/register", accounts.bob);
  assert.equal((await call("POST", "/register", accounts.ann)).code, "email_taken");
  assert.equal((await call("GET", "/friends")).error, "Unauthorized");

  const { friend } = await ann.call("POST", "/friends", { email: bob.user.email });
  assert.deepEqual(friend, { _id: bob.user.myId, fullName: "Bob Ray" });
  assert.deepEqual(await ann.call("GET", "/friends"), { [friend._id]: friend });

  const { id: conversationId, friendId } = await ann.call("POST", "/conversations", { friendId: friend._id });
  assert.equal(friendId, bob.user.myId);
  const exists = await bob.call("POST", "/conversations", { friendId: ann.user.myId });
  assert.deepEqual([exists.statusCode, exists.data.id], [422, conversationId]);

  for (const auth of [undefined, {}, { token: "forged" }]) {
    const error = await refusal(auth);
    assert.equal(error.data.statusCode, 401, JSON.stringify(error.data));
  }

  assert.deepEqual(await ann.connect(), { [conversationId]: 0 });
  await bob.connect();
  const ids = { senderId: ann.user.myId, receiverId: bob.user.myId };
  const sent = { conversationId, text: "hi Bob 🎉", ...ids, createdAt: new Date().toISOString(), msgId: "m1" };
  const ack = await ann.emit("message", sent);
  assert.deepEqual([ack.ok, ack.duplicate, ack.message.seq], [true, false, 1]);
  const [live] = await bob.received(1);
  for (const key of ["conversationId", "text", "senderId", "receiverId", "msgId"]) assert.equal(live[key], sent[key], key);
  assert.equal((await ann.emit("message", sent)).duplicate, true);

  const forged = await bob.emit("message", { ...sent, msgId: "m2" });
  assert.deepEqual([forged.ok, forged.error.code], [false, "forbidden"]);
  assert.equal((await bob.emit("nonsense", {})).error.statusCode, 404);
  assert.throws(() => bob.socket.emit("disconnect", { senderId: bob.user.myId }), /reserved/);

  await Promise.all([1, 2, 3].map((n) => bob.emit("message", { conversationId, text: `reply ${n}`, msgId: `r${n}` })));
  assert.deepEqual((await ann.received(3)).map(({ text }) => text), ["reply 1", "reply 2", "reply 3"]);
  assert.equal(bob.inbox.length, 1);
  for (const app of [ann, bob]) app.socket.disconnect();
}

async function comeBack() {
  const bob = await App.enter("/login", { ...accounts.bob, email: accounts.bob.email.toUpperCase() });
  const [conversation] = await bob.call("GET", "/conversations");
  assert.equal(conversation.lastMessage.text, "reply 3");
  assert.deepEqual(await bob.connect(), { [conversation.id]: 4 });
  const page = await bob.call("GET", `/messages/${conversation.id}`);
  assert.deepEqual(page.messages.map(({ text, seq }) => [seq, text]), [[1, "hi Bob 🎉"], [2, "reply 1"], [3, "reply 2"], [4, "reply 3"]]);
  assert.equal((await bob.emit("message", { conversationId: conversation.id, text: "back again" })).message.seq, 5);
  bob.socket.disconnect();
}

await { talk, return: comeBack }[phase]();
