// The client core as signals: what the views read, and when it changes. Nothing here draws.
import { io } from "socket.io-client";
import { Client, indexedDBStorage } from "../client/index.js";
import { debounced, signal } from "./ui.js";

const BASE = new URL(".", document.baseURI);

async function readSettings() {
  const absent = { name: "Chat", accounts: true, namespace: "/", root: "./" };
  try {
    const response = await fetch(new URL("settings.json", BASE), { cache: "no-cache" });
    return response.ok ? { ...absent, ...(await response.json()) } : absent;
  } catch {
    return absent;
  }
}

export const settings = await readSettings();
export const storage = indexedDBStorage(`chat ${BASE.pathname}`);
export const client = new Client({
  url: BASE.href,
  namespace: settings.namespace,
  path: `${new URL(settings.root, BASE).pathname}socket.io`,
  io,
  storage,
});

/** The signed-in user, null while signed out, undefined until the storage was read. */
export const account = signal(undefined);
/** The own profile: `{fullName, email, avatar, about, verified, settings, scope}`. */
export const profile = signal(null);
export const connection = signal(client.state);
export const conversations = signal([]);
export const queue = signal({ waiting: 0, failed: 0 });
export const friends = signal(new Map());
export const blocked = signal([]);
export const hasCaughtUp = signal(false);
/** True while the user can see the page. */
export const isLooking = signal(isSeen());

function isSeen() {
  return document.visibilityState === "visible" && document.hasFocus();
}
for (const event of ["visibilitychange", "focus", "blur"]) addEventListener(event, () => (isLooking.value = isSeen()), true);
addEventListener("online", () => client.networkChanged(true));
addEventListener("offline", () => client.networkChanged(false));

/** Makes a function that returns a signal for each key; `begin(key, signal)` fills a new one. */
function signals(begin) {
  const made = new Map();
  const of = (key) => {
    let found = made.get(key);
    if (!found) {
      found = signal(null);
      made.set(key, found);
      begin(key, found);
    }
    return found;
  };
  of.known = (key) => made.get(key);
  of.clear = () => made.clear();
  of.entries = () => made.entries();
  return of;
}

/** A conversation's head, or null. */
export const headOf = signals((id, made) => (made.value = client.conversation(id) ?? null));

/** `{messages, isComplete, isLoading}` of a conversation. */
export const timelineOf = signals((id, made) => (made.value = timeline(id, null)));

/** People of an earlier run: their names are known without a network. */
const remembered = new Map();
const PEOPLE = "people";
const MOST = 1000;
const keepPeople = debounced(() => {
  const known = [...personOf.entries()].map(([, { value }]) => value).filter(Boolean);
  for (const person of known) {
    remembered.delete(person._id);
    remembered.set(person._id, person);
  }
  if (account.peek()) storage.set(PEOPLE, [...remembered.values()].slice(-MOST)).catch(() => undefined);
}, 300);

/** A person; null until known. */
export const personOf = signals((id, made) => {
  if (!id) return;
  made.value = friends.peek().get(id) ?? remembered.get(id) ?? null;
  client.person(id).then((person) => {
    made.value = person;
    keepPeople();
  }, () => undefined);
});

export const typingIn = signals((id, made) => (made.value = client.typingIn(id)));
export const presenceOf = signals((id, made) => (made.value = client.presence(id) ?? null));

/** A person's name, as far as it is known. */
export const nameOf = (id) => (id === account.value?.myId ? (profile.value ?? account.value).fullName : (personOf(id).value?.fullName ?? "Somebody"));

/** The name of a conversation. */
export function titleOf(head) {
  if (!head) return "";
  if (head.type === "group") return head.title || "Group";
  return personOf(head.friendId).value?.fullName ?? head.title ?? "…";
}

export const pictureOf = (head) => (head?.type === "group" ? head.avatar : personOf(head?.friendId).value?.avatar);
export const isMuted = (head) => Boolean(head?.mutedUntil && new Date(head.mutedUntil) > Date.now());

const loading = new Set();

/** A message that has not changed stays the same object, so that its row is not drawn again. */
function timeline(id, former) {
  const before = new Map(former?.messages.map((message) => [message.msgId, message]));
  const messages = client.messages(id).map((message) => {
    const held = before.get(message.msgId);
    return held && isSame(held, message) ? held : message;
  });
  return { messages, isComplete: !client.hasOlder(id), isLoading: loading.has(id) };
}

const isSame = (one, other) =>
  ["seq", "rev", "status", "text", "attachments", "reactions", "deletedAt", "editedAt", "streaming", "replyTo", "error"].every((key) => one[key] === other[key]);

function renew(id) {
  const known = timelineOf.known(id);
  if (known) known.value = timeline(id, known.peek());
}

/** Opens a conversation, and returns the function that closes it. */
export function show(id, failed) {
  loading.add(id);
  renew(id);
  read(id).catch(failed);
  return () => client.hide(id);
}

async function read(id) {
  try {
    await client.show(id);
  } finally {
    loading.delete(id);
    renew(id);
  }
  if (!client.conversation(id)?.receipts) await client.readConversation(id);
}

/** Reads an older page. */
export async function olderOf(id) {
  if (loading.has(id) || !client.hasOlder(id) || connection.peek().state !== "online") return;
  loading.add(id);
  renew(id);
  try {
    await client.loadOlder(id);
  } finally {
    loading.delete(id);
    renew(id);
  }
}

export async function readFriends() {
  friends.value = new Map(Object.entries(await client.friends()));
  for (const [id, person] of friends.value) {
    const known = personOf.known(id);
    if (known) known.value = { ...known.peek(), ...person };
  }
}
export async function readBlocks() {
  blocked.value = await client.blocks();
}
export async function readProfile() {
  if (settings.accounts) profile.value = await client.me();
}

function forget() {
  keepPeople.cancel();
  remembered.clear();
  void storage.delete(PEOPLE).catch(() => undefined);
  for (const each of [headOf, timelineOf, personOf, typingIn, presenceOf]) each.clear();
  friends.value = new Map();
  blocked.value = [];
  profile.value = null;
  hasCaughtUp.value = false;
}

const quietly = (work) => work.catch(() => undefined);

client.on("state", (state) => {
  connection.value = state;
  if (state.state === "signed_out" && account.peek()) {
    account.value = null;
    forget();
  } else if (client.user && account.peek()?.myId !== client.user.myId) {
    account.value = client.user;
  }
  if (state.state === "online") {
    quietly(readProfile());
    quietly(readFriends());
    quietly(readBlocks());
  }
});
client.on("conversations", ({ ids }) => {
  conversations.value = [...client.conversations()];
  for (const [id, head] of ids.length ? ids.map((id) => [id, headOf.known(id)]) : headOf.entries()) {
    if (head) head.value = client.conversation(id) ?? null;
  }
});
client.on("messages", ({ conversationId }) => renew(conversationId));
client.on("typing", ({ conversationId, userIds }) => (typingIn(conversationId).value = userIds));
client.on("presence", ({ userId, online, lastSeen }) => (presenceOf(userId).value = { online, lastSeen }));
client.on("queue", (state) => (queue.value = state));
client.on("person", (person) => {
  personOf(person._id).value = person;
  if (friends.peek().has(person._id)) friends.value = new Map(friends.peek()).set(person._id, { ...friends.peek().get(person._id), ...person });
});
client.on("account", (news) => {
  if ("profile" in news) quietly(readProfile());
  if ("friends" in news) quietly(readFriends());
  if ("blocks" in news) quietly(readBlocks());
});
client.on("synced", () => (hasCaughtUp.value = true));

/** Reads what is stored and connects. */
export async function begin() {
  for (const person of (await storage.get(PEOPLE)) ?? []) remembered.set(person._id, person);
  await client.start();
  account.value = client.user;
  conversations.value = [...client.conversations()];
}
