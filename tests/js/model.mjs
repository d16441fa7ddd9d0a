// Many clients in one process, driven by lines of JSON: {id, do, device, …} → {id, …} (tests/model/devices.py).
// What an operation works on is chosen by numbers from 0 to 1 out of what the device shows, so that a plan can be repeated.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { Client, memoryStorage } from "../../web/client/index.js";

const devices = new Map();
const acknowledged = [];
const received = [];
const failures = [];

/** Numbers like those of Math.random, the same for the same seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function make(device) {
  const spied = (address, options) => {
    const socket = io(address, options);
    socket.onAny((name, data) => {
      const conversationId = data?.conversationId ?? data?.conversation?.id;
      if (conversationId) received.push({ user: device.user, name, conversationId, seq: data.seq ?? data.message?.seq });
    });
    return socket;
  };
  const disk = { isGone: false };
  device.ended = new Promise((_, reject) => (device.end = () => reject({ code: "aborted", stack: "the app has ended" })));
  device.ended.catch(() => undefined);
  device.disk = disk;
  const { storage } = device;
  const never = new Promise(() => undefined);
  const written = (name) => (...values) => (disk.isGone ? never : storage[name](...values));
  const guarded = { ...storage, set: written("set"), delete: written("delete"), transaction: written("transaction") };
  const client = new Client({ url: device.url, io: spied, storage: guarded, random: generator(device.seed++) });
  client.on("error", ({ error }) => note(device, "background", error));
  return client;
}

function note(device, what, error) {
  failures.push({ device: device.name, user: device.user, what, code: error.code ?? String(error), status: error.statusCode ?? -1, text: error.stack });
}

const pick = (list, share) => list[Math.floor(share * list.length)];
const groups = (client) => client.conversations().filter(({ type }) => type === "group");

/** What was not read before cannot be read offline; one can write all the same. */
function ignoreOffline(error) {
  if (!error.retryable) throw error;
}

/** The conversation that an operation is about; it is shown first, as by somebody who opens it. */
async function shown(client, share, list = client.conversations()) {
  const head = pick(list, share);
  if (head) await client.show(head.id).catch(ignoreOffline);
  return head;
}

async function message(client, { at, which }, isWanted = () => true) {
  const head = await shown(client, at);
  const held = head ? client.messages(head.id).filter((each) => each.seq > 0 && !each.deletedAt && !each.system && isWanted(each)) : [];
  return [head, pick(held, which)];
}

const operations = {
  async open({ name, user, url, form, seed, storageOf }) {
    const storage = storageOf ? devices.get(storageOf).storage : memoryStorage();
    const device = { name, user, url, form, seed, storage };
    device.client = make(device);
    devices.set(name, device);
    if (storageOf) await device.client.start();
    else await device.client.signIn({ email: form.email, password: form.password });
    return { userId: device.client.userId };
  },
  async background({ client }) {
    client.background();
  },
  async foreground({ client }) {
    client.foreground();
  },
  /** The app ends without a chance to store anything more, and starts again. */
  async crash({ device, client }) {
    device.disk.isGone = true;
    device.end();
    void client.close();
    device.client = make(device);
    await device.client.start();
  },
  async send({ client, device, at, text, reply }) {
    const head = await shown(client, at);
    if (!head) return;
    const quoted = reply === null ? undefined : pick(client.messages(head.id).filter(({ seq, deletedAt, system }) => seq > 0 && !deletedAt && !system), reply);
    const sent = await client.send(head.id, { text, ...(quoted && { replyTo: quoted.seq }) });
    const ack = await client.acknowledged(sent.msgId);
    acknowledged.push({ user: device.user, conversationId: head.id, msgId: sent.msgId, _id: ack._id, seq: ack.seq });
  },
  /** A text that grows while it is read. */
  async stream({ client, device, at, text }) {
    const head = await shown(client, at);
    if (!head) return;
    const { msgId } = await client.send(head.id, { text: "", streaming: true });
    const { _id, seq, rev = 0 } = await client.acknowledged(msgId);
    acknowledged.push({ user: device.user, conversationId: head.id, msgId, _id, seq });
    for (const [offset, point] of [...text.slice(0, 4)].entries()) await client.delta(head.id, seq, offset, point).catch(() => undefined);
    await client.edit(head.id, seq, text, { rev, final: true });
  },
  async block({ client, friend, on }) {
    await (on ? client.block(friend) : client.unblock(friend));
  },
  /** Signs out and in again; the tabs of the device follow. */
  async reenter({ client, device }) {
    await client.signOut();
    const { email, password } = device.form;
    while (!client.user) {
      await client.signIn({ email, password }).catch((error) => {
        if (!error.retryable) throw error;
        return new Promise((resolve) => setTimeout(resolve, 100));
      });
    }
  },
  async edit({ client, at, which, text }) {
    const [head, target] = await message(client, { at, which }, ({ userId }) => userId === client.userId);
    if (target) await client.edit(head.id, target.seq, text);
  },
  async remove({ client, at, which, scope }) {
    const [head, target] = await message(client, { at, which }, ({ userId }) => scope === "me" || userId === client.userId);
    if (target) await client.deleteMessage(head.id, target.seq, scope);
  },
  async react({ client, at, which, emoji, on }) {
    const [head, target] = await message(client, { at, which });
    if (target) await client.react(head.id, target.seq, emoji, on);
  },
  async read({ client, at }) {
    const head = pick(client.conversations(), at);
    if (head) await client.markRead(head.id);
  },
  async unread({ client, at, which }) {
    const [head, target] = await message(client, { at, which });
    if (target) await client.markUnread(head.id, target.seq);
  },
  async draft({ client, at, text }) {
    const head = pick(client.conversations(), at);
    if (head) client.setDraft(head.id, text);
  },
  async mute({ client, at, until }) {
    const head = pick(client.conversations(), at);
    if (head) await client.mute(head.id, until);
  },
  async typing({ client, at }) {
    const head = pick(client.conversations(), at);
    if (head) client.typing(head.id);
  },
  async pin({ client, at, which, on }) {
    const [head, target] = await message(client, { at, which });
    if (target) await (on ? client.pin(head.id, target.seq) : client.unpin(head.id, target.seq));
  },
  async direct({ client, friend }) {
    return { conversationId: (await client.openDirect(friend)).id };
  },
  async group({ client, title, members, history }) {
    await client.createGroup({ title, memberIds: members, history });
  },
  async invite({ client, at, friend, role }) {
    const head = pick(groups(client), at);
    if (head) await client.putMember(head.id, friend, role);
  },
  async expel({ client, at, friend }) {
    const head = pick(groups(client), at);
    if (head && friend !== client.userId) await client.removeMember(head.id, friend);
  },
  async leave({ client, at }) {
    const head = pick(groups(client), at);
    if (head) await client.leave(head.id);
  },
  async rename({ client, at, title }) {
    const head = pick(groups(client), at);
    if (head) await client.updateConversation(head.id, { title });
  },
  async older({ client, at }) {
    const head = await shown(client, at);
    if (head) await client.loadOlder(head.id);
  },
  async hide({ client, at }) {
    const head = pick(client.conversations(), at);
    if (head) client.hide(head.id);
  },
  /** Waits until the device has nothing to send and nothing to fetch. */
  async settle({ client, device, limit }) {
    client.foreground();
    client.connect();
    const until = Date.now() + limit;
    while (Date.now() < until) {
      if (client.isCurrent && !client.isBusy) return { settled: true };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { settled: false, state: client.state, pending: client.pending(), isCurrent: client.isCurrent, isBusy: client.isBusy };
  },
  async catchUp({ client }) {
    await client.catchUp();
  },
  /** What the device shows. */
  async state({ client }) {
    const conversations = client.conversations();
    const timelines = {};
    for (const { id } of conversations) {
      const held = client.messages(id).filter(({ seq }) => seq > 0);
      if (held.length) timelines[id] = held.map(({ status: _, ...each }) => each);
    }
    return { userId: client.userId, conversations, timelines, failed: client.pending() };
  },
  async results() {
    return { acknowledged, received, failures };
  },
};

async function answer(line) {
  const { id, do: name, device: deviceName, ...given } = JSON.parse(line);
  const device = devices.get(deviceName);
  let result;
  try {
    const work = operations[name]({ ...given, device, client: device?.client });
    work.catch(() => undefined);
    result = { ok: true, ...(await (device && name !== "crash" ? Promise.race([work, device.ended]) : work)) };
  } catch (error) {
    if (device) note(device, name, error);
    result = { ok: false, code: error.code ?? "exception", text: error.stack };
  }
  process.stdout.write(`${JSON.stringify({ ...result, id })}\n`);
}

process.on("unhandledRejection", (error) => failures.push({ what: "unhandled", code: "exception", status: -1, text: error?.stack ?? String(error) }));
createInterface({ input: process.stdin }).on("line", (line) => void answer(line)).on("close", () => process.exit(0));
