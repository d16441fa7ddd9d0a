// What a client knows of a conversation when events are faster than the answers that they belong to.
import assert from "node:assert/strict";
import { Client, memoryStorage } from "../../web/client/index.js";

const HEAD = { id: "c", friendId: "you", lastSeq: 1, lastMessage: null, updatedAt: "", changeSeq: 0, readSeq: 1, deliveredSeq: 1 };
const MESSAGE = { _id: "m", conversationId: "c", seq: 1, text: "Hello", createdAt: "", userId: "me", msgId: "k" };
const READ = { conversationId: "c", userId: "you", readSeq: 1, deliveredSeq: 1, changeSeq: 1 };
const receipts = (readSeq) => ({ receipts: { you: { readSeq, deliveredSeq: readSeq } } });
const SYNC = { ok: true, cursor: "1", serverTime: "", messages: {}, changes: {}, limited: [], removed: [], more: false };

/** A client that is online; `answer(path, tell)` is the server, and `tell(event, data)` sends an event. */
async function online(answer) {
  const on = {};
  const socket = {
    connected: true,
    on: (name, listener) => (on[name] = listener),
    onAny: (listener) => (on.any = listener),
    connect: () => queueMicrotask(on.connect),
    disconnect: () => undefined,
    timeout: () => ({ emitWithAck: async () => ({ ...SYNC, heads: [HEAD] }) }),
  };
  const storage = memoryStorage();
  await storage.set("session", { token: "t", user: { myId: "me" } });
  const fetch = async (url) => new Response(JSON.stringify(answer(new URL(url).pathname, (event, data) => on.any(event, data))));
  const client = new Client({ url: "http://chat.example", io: () => socket, fetch, storage });
  const synced = () => new Promise((resolve) => (client.isCurrent ? resolve() : client.on("synced", resolve)));
  await client.start();
  await synced();
  return { client, tell: (event, data) => on.any(event, data), synced };
}

const tests = {
  async "a head without marks, while the messages are read, does not remove those that were read"() {
    const { client, tell } = await online((path, say) => {
      if (path === "/conversations/c") return { ...HEAD, ...receipts(0) };
      say("conversation:new", { conversation: HEAD });
      return { messages: [MESSAGE], lastSeq: 1, hasMore: false };
    });
    await client.show("c");
    tell("receipt", READ);
    assert.equal(client.messages("c")[0].status, "read");
    await client.close();
  },
  async "an answer that is older than an event is read again"() {
    let reads = 0;
    const { client, synced } = await online((path, say) => {
      if (path !== "/conversations/c") return { messages: [MESSAGE], lastSeq: 1, hasMore: false };
      if (reads++) return { ...HEAD, changeSeq: 1, ...receipts(1) };
      say("receipt", READ);
      return { ...HEAD, ...receipts(0) };
    });
    await client.show("c");
    await synced();
    assert.deepEqual([client.messages("c")[0].status, reads], ["read", 2]);
    await client.close();
  },
};
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
  } catch (error) {
    console.error(name);
    throw error;
  }
}
