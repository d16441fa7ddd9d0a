// The state of the client core as signals, which the views read. This module draws nothing.
import { io } from "socket.io-client";
import { Client, indexedDBStorage } from "../client/index.js";
import { go } from "./route.js";
import { computed, debounced, effect, signal } from "./ui.js";

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
/** The user's profile: `{fullName, email, avatar, about, verified, settings, scope}`. */
export const profile = signal(null);
export const connection = signal(client.state);
export const conversations = signal([]);
export const queue = signal({ waiting: 0, failed: 0 });
export const friends = signal(new Map());
export const blocked = signal([]);
/** The friends who are not blocked, by name. */
export const contacts = computed(() => {
  const barred = new Set(blocked.value.map(({ _id }) => _id));
  return [...friends.value.values()].filter(({ _id }) => !barred.has(_id)).sort((one, other) => one.fullName.localeCompare(other.fullName));
});
export const hasCaughtUp = signal(false);
/** True once the connection is lost for longer than a moment. */
export const isAway = signal(false);
const isLost = computed(() => ["connecting", "offline"].includes(connection.value.state));
effect(() => {
  isAway.value = false;
  if (!isLost.value) return undefined;
  const timer = setTimeout(() => (isAway.value = true), navigator.onLine ? 1500 : 0);
  return () => clearTimeout(timer);
});
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

/** `{messages, isComplete, isLoading, error}` of a conversation; `error` is that of the last attempt to read. */
export const timelineOf = signals((id, made) => (made.value = timeline(id, null)));

/** People of an earlier run, so that their names are known without a network. */
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

/** A person's name; "Somebody" until it is known. */
export const nameOf = (id) => (id === account.value?.myId ? (profile.value ?? account.value).fullName : (personOf(id).value?.fullName ?? "Somebody"));

/** The name of a conversation. */
export function titleOf(head) {
  if (!head) return "";
  if (head.type === "group") return head.title || "Group";
  return personOf(head.friendId).value?.fullName ?? head.title ?? "…";
}

export const pictureOf = (head) => (head?.type === "group" ? head.avatar : personOf(head?.friendId).value?.avatar);
export const isMuted = (head) => Boolean(head?.mutedUntil && new Date(head.mutedUntil) > Date.now());

const quietly = (work) => work.catch(() => undefined);
const loading = new Set();
const errors = new Map();

/** Keeps the objects of unchanged messages, so that their rows are not drawn again. */
function timeline(id, former) {
  const before = new Map(former?.messages.map((message) => [message.msgId, message]));
  const messages = client.messages(id).map((message) => {
    const held = before.get(message.msgId);
    return held && isSame(held, message) ? held : message;
  });
  return { messages, isComplete: !client.hasOlder(id), isLoading: loading.has(id), error: errors.get(id) };
}

const isSame = (one, other) =>
  ["seq", "rev", "status", "text", "attachments", "reactions", "deletedAt", "editedAt", "streaming", "replyTo", "error"].every((key) => one[key] === other[key]);

function renew(id) {
  const known = timelineOf.known(id);
  if (known) known.value = timeline(id, known.peek());
}

/** Opens a conversation, and returns the function that closes it. */
export function show(id) {
  void read(id, async () => {
    await client.show(id);
    if (!client.conversation(id)?.receipts) quietly(client.readConversation(id));
  });
  return () => client.hide(id);
}

async function read(id, work) {
  loading.add(id);
  errors.delete(id);
  renew(id);
  try {
    await work();
  } catch (error) {
    errors.set(id, error);
  }
  loading.delete(id);
  renew(id);
}

/** Reads an older page. After a failure, it reads the page again on demand, or after the next connection. */
export async function olderOf(id, { isAsked = false } = {}) {
  if (loading.has(id) || !client.hasOlder(id)) return;
  if (isAsked || (connection.peek().state === "online" && !errors.has(id))) await read(id, () => client.loadOlder(id));
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
  errors.clear();
  friends.value = new Map();
  blocked.value = [];
  profile.value = null;
  hasCaughtUp.value = false;
}

client.on("state", (state) => {
  connection.value = state;
  if (state.state === "signed_out" && account.peek()) {
    account.value = null;
    forget();
    go("/", { replace: true }); // the next user, who may be another one, begins at the list
  } else if (client.user && account.peek()?.myId !== client.user.myId) {
    account.value = client.user;
  }
  if (state.state === "online") {
    errors.clear();
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

/** Reads the storage and connects. */
export async function begin() {
  for (const person of (await storage.get(PEOPLE)) ?? []) remembered.set(person._id, person);
  await client.start();
  account.value = client.user;
  conversations.value = [...client.conversations()];
}
