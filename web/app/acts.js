// Actions of the user that several views share, with notices of errors; and the state of composer and image viewer.
import { client, readBlocks, readFriends } from "./chat.js";
import { ask, isSure, notify } from "./layer.js";
import { go, openId } from "./route.js";
import { batch, signal } from "./ui.js";

const TEXTS = {
  offline: "You are offline",
  timeout: "The server does not answer",
  blocked: "One of you has blocked the other",
  not_admin: "Only admins of the group can do this",
  not_author: "Only its author can do this",
  rev_conflict: "This message was changed on another device. Read it again",
  gone: "This message was deleted",
  rate_limited: "Too many requests. Wait a moment",
  too_large: "This is too large",
  unavailable: "The server has a problem. Try again",
  internal: "The server has a problem. Try again",
  validation: "The server does not accept this. Look at what you have entered",
  queue_full: "Too many messages wait to be sent",
};

export const textOf = (error, fallback) => TEXTS[error?.code] ?? fallback ?? error?.message ?? "That did not work";

/** Waits for a promise; returns its value, or true without one. A failure shows a notice, unless `failure` is null. */
export async function attempt(work, failure) {
  try {
    return (await work) ?? true;
  } catch (error) {
    if (failure !== null && error?.code !== "aborted") notify(textOf(error, failure), { kind: "error" });
    return undefined;
  }
}

client.on("error", ({ error, conversationId, msgId }) => {
  const isSeen = msgId && conversationId === openId.peek(); // the message says it itself
  if (conversationId && !isSeen) notify(textOf(error), { kind: "error" });
});

/** The state of the composer: the message that the user replies to or edits. */
export const composing = signal({});
export const compose = {
  reply: (message) => (composing.value = { id: message.conversationId, replyTo: message }),
  edit: (message) => (composing.value = { id: message.conversationId, edited: message }),
  stop: () => (composing.value = {}),
  focus: () => document.querySelector(".composer textarea")?.focus(),
};

/** The image in the viewer. */
export const viewed = signal(null);
export const view = (item, all) => (viewed.value = { item, all });

/** The message that is highlighted for a moment, after a jump to it. */
export const flashed = signal(null);
let fading;
function flash(id, seq) {
  flashed.value = { id, seq };
  clearTimeout(fading);
  fading = setTimeout(() => (flashed.value = null), 2500);
}

const PAGE = 50;

/** The messages around an old message. The client holds only the newest messages. */
const around = signal(null);
export const jump = {
  window: around,
  leave: () => (around.value = null),
  async older() {
    const held = around.peek();
    if (!held || held.isComplete || held.isLoading) return;
    await extend(held, { before: held.messages[0]?.seq }, (page) => ({ messages: [...page.messages, ...held.messages], isComplete: !page.hasMore }));
  },
  async newer() {
    const held = around.peek();
    if (!held?.hasNewer || held.isLoading) return;
    await extend(held, { after: held.messages.at(-1)?.seq }, (page) => ({ messages: [...held.messages, ...page.messages], hasNewer: page.hasMore }));
    const now = around.peek();
    const newest = client.messages(held.id)[0]?.seq;
    if (now?.id === held.id && (!now.hasNewer || now.messages.at(-1)?.seq >= newest)) jump.leave();
  },
};

async function extend(held, query, change) {
  around.value = { ...held, isLoading: true };
  const page = await attempt(read(held.id, query));
  if (around.peek()?.id === held.id) around.value = { ...held, ...(page && change(page)), isLoading: false };
}

async function read(id, query) {
  const page = await client.http.json("GET", `/messages/${id}`, { query: { limit: PAGE, ...query } });
  return { ...page, messages: page.messages.map((message) => ({ ...message, status: client.status(message) })) };
}

/** Shows a message of a conversation, also an old one. */
export async function scrollTo(id, seq) {
  if (client.messages(id).some((message) => message.seq === seq)) {
    jump.leave();
    flash(id, seq);
    return;
  }
  const page = await attempt(read(id, { before: seq + PAGE / 2 }));
  if (!page) return;
  const upTo = page.messages.at(-1)?.seq ?? 0;
  batch(() => {
    around.value = { id, messages: page.messages, isComplete: !page.hasMore, hasNewer: upTo < page.lastSeq, isLoading: false };
    flash(id, seq);
  });
}

/** Opens the conversation with a person. */
export async function talkTo(userId) {
  const head = await attempt(client.openDirect(userId));
  if (head) go(`/c/${head.id}`);
}

/** Removes a person from the friends, after a confirmation. */
export async function unfriend({ _id, fullName }) {
  const sure = await isSure(`Remove ${fullName}?`, `${fullName} is no longer among your friends. Your conversation stays.`, "Remove");
  if (sure && (await attempt(client.removeFriend(_id)))) await attempt(readFriends(), null);
}

/** Blocks a person, after a confirmation. */
export async function block({ _id, fullName }) {
  const text = "Neither of you can write to the other. You keep the messages that you have.";
  if (!(await isSure(`Block ${fullName}?`, text, "Block")) || !(await attempt(client.block(_id)))) return;
  await Promise.all([attempt(readBlocks(), null), attempt(readFriends(), null)]);
}

export async function unblock(userId) {
  if (await attempt(client.unblock(userId))) await attempt(readBlocks(), null);
}

const REASONS = [
  { label: "Spam", value: "spam" },
  { label: "Abuse", value: "abuse" },
  { label: "Illegal", value: "illegal" },
  { label: "Other", value: "other" },
];

/** Reports a message, `{conversationId, seq}`, or a person, `{userId}`, after a question for the reason. */
export async function report(what, title, text) {
  const reason = await ask({ title, text, choices: REASONS });
  if (reason && (await attempt(client.report({ ...what, reason })))) notify("Reported");
}
