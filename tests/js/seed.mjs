// What the client of the seed relies on (it is a React Native app with GiftedChat): `node seed.mjs ADDRESS`.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [address] = process.argv.slice(2);
const accounts = [
  { fullName: "Ann Lee", email: "ann@example.org", password: "Password1" },
  { fullName: "Bob Ray", email: "bob@example.org", password: "Password2" },
];

/** The seed's test of an answer: it is an error if it has a key `error`, whose `message` is shown. */
async function call(path, { body, token } = {}) {
  const headers = { Accept: "application/json", "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(address + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert.equal("error" in answer, !response.ok, `${path}: ${JSON.stringify(answer)}`);
  if (answer.error) assert.equal(typeof answer.message, "string");
  return answer;
}

const connected = (token) => {
  const socket = io(address, { transports: ["websocket"], auth: { token } });
  return new Promise((resolve, reject) => socket.on("connect", () => resolve(socket)).on("connect_error", reject));
};

// Registration and login answer the token and the user with these three keys.
for (const account of accounts) {
  const registered = await call("/register", { body: account });
  assert.deepEqual(Object.keys(registered.user).sort(), ["email", "fullName", "myId"]);
  const { email, password } = account;
  Object.assign(account, await call("/login", { body: { email, password } }));
  assert.deepEqual(account.user, registered.user);
}
const [ann, bob] = accounts;
assert.match((await call("/login", { body: { email: ann.email, password: "wrong" } })).message, /password/i);

// Friends are an object by id.
assert.deepEqual(await call("/friends", { token: ann.token }), {});
const { friend } = await call("/friends", { body: { email: bob.user.email }, token: ann.token });
const friends = await call("/friends", { token: ann.token });
assert.deepEqual(friends, { [bob.user.myId]: friend });
assert.deepEqual([friend._id, friend.fullName], [bob.user.myId, "Bob Ray"]);

// Conversations are a bare array; opening one that exists is a 422, whose answer tells its id.
assert.deepEqual(await call("/conversations", { token: ann.token }), []);
const opened = await call("/conversations", { body: { friendId: bob.user.myId }, token: ann.token });
const [listed] = await call("/conversations", { token: bob.token });
assert.deepEqual([listed.id, listed.friendId, opened.friendId], [opened.id, ann.user.myId, bob.user.myId]);
const again = await call("/conversations", { body: { friendId: ann.user.myId }, token: bob.token });
assert.deepEqual([again.statusCode, again.code, again.data.id], [422, "conversation_exists", opened.id]);

// The socket: `init`, then `message` with six fields, which arrives at the other user as it was sent.
const [one, other] = [await connected(ann.token), await connected(bob.token)];
for (const [socket, { user }] of [[one, ann], [other, bob]]) {
  const ack = await socket.timeout(5000).emitWithAck("init", { senderId: user.myId });
  assert.equal("error" in ack, false);
}
const arrived = new Promise((resolve) => other.on("message", resolve));
const sent = {
  conversationId: opened.id, text: "Hi Bob", senderId: ann.user.myId, receiverId: bob.user.myId,
  createdAt: new Date().toISOString(), msgId: "6b0b6b51-1",
};
one.emit("message", sent); // the seed's client asks for no acknowledgement
const live = await arrived;
const { createdAt: _, ...same } = sent;
for (const [key, value] of Object.entries(same)) assert.equal(live[key], value, key);
assert.equal(new Date(live.createdAt).toISOString(), live.createdAt);
await one.timeout(5000).emitWithAck("message", { ...sent, text: "How are you?", msgId: "6b0b6b51-2" });

// History: oldest first, reversed for GiftedChat, whose messages have a user with an `_id`.
const { id, messages } = await call(`/messages/${opened.id}`, { token: bob.token });
assert.equal(id, opened.id);
const shown = messages.map(({ _id, text, createdAt, userId }) => ({ _id, text, createdAt, user: { _id: userId } })).reverse();
assert.deepEqual(shown.map(({ text, user }) => [text, user._id]), [["How are you?", ann.user.myId], ["Hi Bob", ann.user.myId]]);
assert.equal(new Set(shown.map(({ _id }) => _id)).size, 2);

for (const socket of [one, other]) socket.disconnect();
