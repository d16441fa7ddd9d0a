// The list of conversations, with search, and the menus to all other views.
import { account, client, connection, contacts, conversations, hasCaughtUp, headOf, isAway, isMuted, nameOf, pictureOf, profile, queue, settings, titleOf, typingIn } from "./chat.js";
import { attempt, talkTo } from "./acts.js";
import { Avatar, LivingAvatar } from "./avatar.js";
import { Icon } from "./icons.js";
import { openMenu } from "./layer.js";
import { muteChoices } from "./mute.js";
import { isWanted, permission, want } from "./notify.js";
import { go, here, openId } from "./route.js";
import { Hits, useSearch } from "./search.js";
import { brief, full } from "./time.js";
import { WindowedList } from "./windowed.js";
import { wordsOf } from "./words.js";
import { classes, html, recall, signal, useEffect, useRef, useState } from "./ui.js";

export const searchField = signal(null);
const DECLINED = "chat:notifications-declined";
const WATCHED = 60; // the number of newest conversations whose presence is shown

export function Sidebar() {
  const [query, setQuery] = useState("");
  const field = useRef();
  useEffect(() => {
    searchField.value = field.current;
    return () => (searchField.value = null);
  }, []);
  const menu = (event) =>
    openMenu(event.currentTarget, [
      { label: "New conversation", icon: "bubble", run: () => go("/friends") },
      { label: "New group", icon: "group", run: () => go("/group") },
      settings.accounts && { label: "Add a friend", icon: "friend", run: () => go("/friends/add") },
    ], "New");
  const clear = (event) => {
    if (event.key !== "Escape" || !query) return;
    event.preventDefault();
    setQuery("");
  };
  const name = profile.value?.fullName ?? account.value?.fullName ?? "";
  return html`<nav class="sidebar" aria-label="Conversations">
    <header class="sidebar-head">
      <button type="button" class="icon-button me" aria-label=${`${name}: profile and settings`} title="Profile and settings" onClick=${() => go("/settings")}>
        <${Avatar} id=${account.value?.myId} name=${name} picture=${profile.value?.avatar} />
      </button>
      ${openId.value ? html`<span class="brand">${settings.name}</span>` : html`<h1 class="brand">${settings.name}</h1>`}
      <button type="button" class="icon-button" aria-label="New" aria-haspopup="menu" title="New" onClick=${menu}><${Icon} name="plus" /></button>
    </header>
    <div class="search-field">
      <${Icon} name="search" size=${18} />
      <input ref=${field} type="search" placeholder="Search" aria-label="Search conversations and messages" value=${query} onInput=${(event) => setQuery(event.target.value)} onKeyDown=${clear} dir="auto" />
    </div>
    <${Connection} />
    ${query.trim() ? html`<${Found} query=${query.trim()} onDone=${() => setQuery("")} />` : html`<${Invitation} /><${List} />`}
  </nav>`;
}

/** The state of the connection, after a moment, and the number of waiting messages. */
function Connection() {
  const { state, reason } = connection.value;
  const { waiting, failed } = queue.value;
  const waits = waiting > 0 ? ` ${waiting} ${waiting === 1 ? "message waits" : "messages wait"} to be sent.` : "";
  const lost = failed > 0 ? `${failed} ${failed === 1 ? "message was" : "messages were"} not sent.` : "";
  const text = state === "online" || (!isAway.value && !waits) ? lost : reason === "replaced" ? "This chat is open elsewhere." : state === "connecting" ? `Connecting…${waits}` : `You are offline.${waits}`;
  return html`<div role="status" class=${classes("connection", text && "shown")} data-state=${state}>
    ${text && html`<span class=${classes("pulse", state)} aria-hidden="true" /><span>${text}</span>`}
    ${text && state === "offline" && html`<button type="button" class="link" onClick=${() => client.connect()}>Connect</button>`}
    ${text && text === lost && html`<button type="button" class="link" onClick=${showFailed}>Show</button>`}
  </div>`;
}

function showFailed() {
  const failed = client.pending().find(({ status }) => status === "failed");
  if (failed) go(`/c/${failed.conversationId}`);
}

/** Offers notifications, once: the browser asks for the permission only in a gesture. */
function Invitation() {
  const [isOver, setOver] = useState(recall(DECLINED, "yes") !== null);
  if (isOver || permission.value !== "default" || !isWanted.value || !conversations.value.length) return null;
  const decline = () => {
    localStorage.setItem(DECLINED, "yes");
    setOver(true);
  };
  return html`<div class="invitation"><${Icon} name="bell" size=${18} /><span>Show notifications of new messages?</span>
    <button type="button" class="link" onClick=${() => want(true)}>Turn on</button>
    <button type="button" class="icon-button small" aria-label="Not now" onClick=${decline}><${Icon} name="close" size=${16} /></button></div>`;
}

function List() {
  const items = conversations.value;
  const [isMore, setMore] = useState(false);
  const watched = items.slice(0, WATCHED).map(({ friendId }) => friendId).filter(Boolean).sort().join();
  useEffect(() => (watched ? client.watch(watched.split(",")) : undefined), [watched]);
  const onEnd = async () => {
    if (isMore || !client.hasMoreConversations || connection.peek().state !== "online" || !hasCaughtUp.peek()) return;
    setMore(true);
    await attempt(client.loadMoreConversations(), null);
    setMore(false);
  };
  if (!items.length) {
    if (!hasCaughtUp.value && connection.value.state !== "offline") return html`<div class="list-empty" role="status"><span class="spinner" /><span class="visually-hidden">Loading conversations</span></div>`;
    return html`<div class="list-empty"><${Icon} name="bubble" size=${40} /><p><b>No conversations yet</b></p><p class="muted">Add a friend by e-mail and say hello.</p>
      <button type="button" class="button primary" onClick=${() => go("/friends/add")}>Add a friend</button></div>`;
  }
  return html`<${WindowedList} items=${items} keyOf=${(head) => head.id} label="Conversations" onEnd=${onEnd} kept=${openId.value} row=${(head, index) => html`<${Entry} id=${head.id} index=${index} />`} />`;
}

function Entry({ id, index }) {
  const head = headOf(id).value;
  if (!head) return null;
  const title = titleOf(head);
  const isOpen = openId.value === id;
  const unread = head.unread ?? 0;
  const isMarked = unread > 0 || Boolean(head.unreadFrom);
  const muted = isMuted(head);
  const menu = (event) => {
    event.preventDefault();
    openMenu(event.currentTarget, [
      isMarked ? { label: "Mark as read", icon: "check", run: () => attempt(client.markRead(id)) } : head.lastSeq > 0 && { label: "Mark as unread", icon: "unread", run: () => attempt(client.markUnread(id, head.lastSeq)) },
      ...muteChoices(head),
    ], title);
  };
  return html`<a class=${classes("entry", isMarked && "unread")} href=${here(`/c/${id}`)} aria-current=${isOpen ? "page" : undefined} data-index=${index} data-id=${id} onContextMenu=${menu}>
    <${LivingAvatar} userId=${head.friendId} id=${head.friendId ?? id} name=${title} picture=${pictureOf(head)} isGroup=${head.type === "group"} />
    <span class="entry-text">
      <span class="entry-top"><span class="entry-name" dir="auto">${title}</span>${muted && html`<${Icon} name="bellOff" size=${14} /><span class="visually-hidden">muted</span>`}
        ${head.lastMessage && html`<time datetime=${head.lastMessage.createdAt} title=${full(head.lastMessage.createdAt)}>${brief(head.lastMessage.createdAt)}</time>`}</span>
      <span class="entry-bottom"><span class="entry-preview" dir="auto"><${Preview} head=${head} /></span>
        ${isMarked && html`<span class=${classes("badge", muted && "quiet")}><span aria-hidden="true">${unread > 999 ? "999+" : unread || ""}</span><span class="visually-hidden">${unread ? `, ${unread} unread` : ", marked as unread"}</span></span>`}</span>
    </span>
  </a>`;
}

function Preview({ head }) {
  const typing = typingIn(head.id).value;
  if (typing?.length) return html`<span class="accent">${head.type === "group" ? `${nameOf(typing[0])} is typing…` : "typing…"}</span>`;
  if (head.draft?.text && openId.value !== head.id) return html`<span class="draft">Draft:</span> ${head.draft.text}`;
  const last = head.lastMessage;
  if (!last) return html`<span class="muted">No messages yet</span>`;
  if (last.type === "system") return wordsOf(last);
  const who = last.userId === account.value?.myId ? "You: " : head.type === "group" ? `${nameOf(last.userId).split(" ")[0]}: ` : "";
  if (last.deletedAt) return html`<i>${who}deleted message</i>`;
  return `${who}${last.text.slice(0, 120) || "Attachment"}`;
}

/** The results of a search: conversations and friends by name, and messages. */
function Found({ query, onDone }) {
  const words = query.toLocaleLowerCase();
  const named = conversations.value.filter((head) => titleOf(head).toLocaleLowerCase().includes(words)).slice(0, 8);
  const talking = new Set(conversations.value.map(({ friendId }) => friendId));
  const others = contacts.value.filter(({ _id, fullName }) => !talking.has(_id) && fullName.toLocaleLowerCase().includes(words)).slice(0, 5);
  const search = useSearch({ q: query });
  return html`<div class="found">
    ${(named.length > 0 || others.length > 0) && html`<h2>Conversations</h2>
      <ul>${named.map((head, index) => html`<li key=${head.id}><${Entry} id=${head.id} index=${index} /></li>`)}
      ${others.map((person) => html`<li key=${person._id}><button type="button" class="entry" onClick=${() => (onDone(), talkTo(person._id))}><${Avatar} id=${person._id} name=${person.fullName} picture=${person.avatar} /><span class="entry-text"><span class="entry-name" dir="auto">${person.fullName}</span><span class="muted">Friend</span></span></button></li>`)}</ul>`}
    <h2>Messages</h2>
    <${Hits} search=${search} query=${query} isNamed />
  </div>`;
}
