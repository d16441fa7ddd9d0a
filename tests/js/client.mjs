// The client core against a server: `node client.mjs ADDRESS`. Two users, three devices, tabs, lost connections, restarts.
import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { ApiError, Client, memoryStorage } from "../../web/client/index.js";

const [address] = process.argv.slice(2);
const clients = [];

function client(storage = memoryStorage(), more = {}) {
  const made = new Client({ url: address, io, storage, ...more });
  made.on("error", ({ error }) => (made.errors ??= []).push(error));
  clients.push(made);
  return made;
}

/** Waits until something is true; the events of the client say when to look again. */
function until(who, names, isTrue) {
  return new Promise((resolve) => {
    const look = () => {
      const found = isTrue();
      if (!found) return;
      for (const stop of stops) stop();
      resolve(found);
    };
    const stops = names.map((name) => who.on(name, look));
    look();
  });
}

const online = (who) => until(who, ["state", "synced"], () => who.isCurrent);
const texts = (who, id) => who.messages(id).map(({ text }) => text);
const shows = (who, id, ...wanted) => until(who, ["messages"], () => assertEqual(texts(who, id), wanted));
const assertEqual = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const form = (name) => ({ fullName: name, email: `${name.toLowerCase()}${process.pid}@example.org`, password: `${name}'s password` });
const login = (name) => ({ email: form(name).email, password: form(name).password });

const ann = client();
const bob = client();
await ann.register(form("Ann"));
await bob.register(form("Bob"));
await Promise.all([online(ann), online(bob)]);

await assert.rejects(client().signIn({ ...login("Ann"), password: "wrong" }), (error) => {
  return error instanceof ApiError && error.code === "bad_credentials" && !error.retryable;
});

// A conversation, messages both ways, each shown at once and once.
const { id } = await ann.openDirect(bob.userId);
await ann.show(id);
const pending = await ann.send(id, { text: "hello Bob" });
assert.equal(pending.seq, 0);
assert.deepEqual(texts(ann, id), ["hello Bob"]);
const stored = await ann.acknowledged(pending.msgId);
assert.deepEqual([stored.seq, stored.msgId], [1, pending.msgId]);
await until(bob, ["conversations"], () => bob.conversation(id)?.lastSeq === 1);
await bob.show(id);
await bob.send(id, { text: "hello Ann" });
await shows(ann, id, "hello Bob", "hello Ann");
assert.deepEqual(ann.messages(id).map(({ status, seq }) => [status, seq]).at(-1), ["received", 2]);

// Messages written offline are sent in order and once when the network is back.
bob.background();
const written = [];
for (const text of ["one", "two", "three"]) written.push(await bob.send(id, { text }));
assert.deepEqual(bob.messages(id).slice(-3).map(({ status }) => status), ["queued", "queued", "queued"]);
await ann.acknowledged((await ann.send(id, { text: "are you there?" })).msgId);
bob.foreground();
await Promise.all(written.map(({ msgId }) => bob.acknowledged(msgId)));
const conversation = ["hello Bob", "hello Ann", "are you there?", "one", "two", "three"];
await Promise.all([shows(ann, id, ...conversation), shows(bob, id, ...conversation)]);

// A mark and a draft that were set just before the end of the app are not lost.
const desk = memoryStorage();
const first = client(desk);
await first.signIn(login("Ann"));
await online(first);
await first.markRead(id);
first.setDraft(id, "to be continued");
await first.close();
const next = client(desk);
await next.start();
await until(next, ["synced", "queue"], () => next.isCurrent && !next.isBusy);
await next.readConversation(id).catch(() => undefined);
assert.deepEqual([next.conversation(id).readSeq, next.conversation(id).unread], [6, 0]);
assert.equal(next.conversation(id).draft.text, "to be continued");
await next.close();

// What was written before the end of the app is sent after its start, by a storage that survives.
const disk = memoryStorage();
const phone = client(disk);
await phone.signIn(login("Bob"));
await online(phone);
await phone.show(id);
await phone.close();
const again = client(disk);
again.background();
await again.start();
assert.deepEqual(texts(again, id), conversation);
again.background();
await again.send(id, { text: "from the train" });
await again.close();
const third = client(disk);
assert.equal(await third.start(), true);
await Promise.all([shows(ann, id, ...conversation, "from the train"), shows(third, id, ...conversation, "from the train")]);
await until(third, ["queue"], () => third.pending().length === 0);

// Two tabs of one browser: one sends, both show.
const tab = client(disk);
await tab.start();
await online(tab);
const fromTab = await tab.send(id, { text: "from the other tab" });
await tab.acknowledged(fromTab.msgId);
await shows(third, id, ...conversation, "from the train", "from the other tab");
await shows(tab, id, ...conversation, "from the train", "from the other tab");
const refused = await tab.send(id, { text: "x".repeat(9000) });
await assert.rejects(tab.acknowledged(refused.msgId), { code: "validation" });
await tab.discard(refused.msgId);
await third.close();
await tab.acknowledged((await tab.send(id, { text: "the sender is closed" })).msgId);
await shows(ann, id, ...conversation, "from the train", "from the other tab", "the sender is closed");

// A message that waits shows its attachments, also after a restart.
const files = memoryStorage();
const writer = client(files);
await writer.signIn(login("Bob"));
await online(writer);
await writer.show(id);
const note = await writer.upload(new Blob(["a note"], { type: "text/plain" }), { name: "note.txt" });
writer.background();
const waiting = await writer.send(id, { attachments: [note] });
assert.deepEqual([waiting.attachments, writer.messages(id).at(-1).attachments], [[note], [note]]);
await writer.close();
const later = client(files);
await later.start();
assert.deepEqual((await until(later, ["queue", "messages"], () => later.messages(id).find(({ msgId }) => msgId === waiting.msgId))).attachments, [note]);
const noted = [...conversation, "from the train", "from the other tab", "the sender is closed", ""];
await shows(ann, id, ...noted);
assert.deepEqual(ann.messages(id).at(-1).attachments, [note]);
await later.close();

// An error that a repetition cannot mend fails one message, and not the next one.
const tooLong = await ann.send(id, { text: "x".repeat(9000) });
const after = await ann.send(id, { text: "after it" });
await assert.rejects(ann.acknowledged(tooLong.msgId), { code: "validation" });
await ann.acknowledged(after.msgId);
assert.deepEqual(ann.pending().map(({ status, error }) => [status, error.code]), [["failed", "validation"]]);
assert.equal(await ann.discard(tooLong.msgId), true);
assert.deepEqual(ann.pending(), []);

// Who waits for an answer learns of a refusal there; `error` tells of a message, and of what nobody waits for.
assert.deepEqual(ann.errors.splice(0).map(({ code }) => code), ["validation"]);
await assert.rejects(ann.react(id, 9999, "👍"), (error) => error instanceof ApiError && !error.retryable);
assert.deepEqual(ann.errors, []);

// The signal of a download ends its body, too, which is read after the answer has begun.
let given;
const reader = client(memoryStorage(), { fetch: (target, options) => fetch(target, (given = options)) });
await reader.signIn(login("Bob"));
const aborting = new AbortController();
const download = await reader.download(note.id, { signal: aborting.signal });
assert.equal(given.signal.aborted, false);
aborting.abort();
assert.equal(given.signal.aborted, true);
await download.body.cancel().catch(() => undefined);
await reader.signOut();

// An answer that comes after its user has signed out is nobody's.
let arrive;
const held = new Promise((resolve) => (arrive = resolve));
const slow = client(memoryStorage(), {
  async fetch(target, options) {
    const response = await fetch(target, options);
    if (target.endsWith(`/conversations/${id}`)) await held;
    return response;
  },
});
await slow.signIn(login("Bob"));
await online(slow);
const asked = assert.rejects(slow.readConversation(id), { code: "aborted" });
await slow.signOut();
arrive();
await asked;
assert.deepEqual(slow.conversations(), []);

// Older pages, one page at a time.
for (let n = 0; n < 60; n++) await ann.send(id, { text: `${n}` });
await until(ann, ["queue"], () => ann.pending().length === 0);
const fresh = client();
await fresh.signIn(login("Bob"));
await online(fresh);
await fresh.show(id);
assert.equal(fresh.messages(id).length, 50);
assert.equal(fresh.hasOlder(id), true);
await Promise.all([fresh.loadOlder(id), fresh.loadOlder(id)]);
await fresh.loadOlder(id);
assert.equal(fresh.hasOlder(id), false);
assert.deepEqual(fresh.messages(id).map(({ seq }) => seq), Array.from({ length: 71 }, (_, n) => n + 1));

// Signing out forgets everything, in every tab.
const left = until(tab, ["state"], () => tab.state.state === "signed_out");
const other = client(disk);
await other.start();
await other.signOut();
await left;
assert.deepEqual((await disk.keys("")).filter((key) => !key.startsWith("lock/")), []);

for (const each of clients) await each.close();
