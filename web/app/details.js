// The panel beside a conversation: the person or the group, its members and pins; or a search.
import { account, blocked, client, contacts, friends, isMuted, personOf, presenceOf, titleOf } from "./chat.js";
import { attempt, block, report, talkTo, unblock, unfriend } from "./acts.js";
import { Avatar } from "./avatar.js";
import { Icon } from "./icons.js";
import { isSure, openMenu, useKeptFocus } from "./layer.js";
import { membersOf } from "./members.js";
import { muteChoices } from "./mute.js";
import { pickPicture } from "./pictures.js";
import { PinList } from "./pins.js";
import { go } from "./route.js";
import { Hits, useSearch } from "./search.js";
import { since } from "./time.js";
import { classes, html, signal, useLayoutEffect, useRef, useState } from "./ui.js";

/** The content of the panel: info, search, or null. */
export const panel = signal(null);

export function Details({ id, head }) {
  const box = useRef();
  const body = useRef();
  useKeptFocus(body);
  useLayoutEffect(() => { // an effect after the frame would take the focus from a control that is used at once
    const before = document.activeElement;
    (box.current.querySelector("input[type=search]") ?? box.current.querySelector("button")).focus({ preventScroll: true });
    return () => before?.isConnected && before.focus?.({ preventScroll: true });
  }, [panel.value]);
  const keys = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    panel.value = null;
  };
  const isSearch = panel.value === "search";
  const title = isSearch ? "Search" : head.type === "group" ? "Group" : "Details";
  return html`<section class="details" ref=${box} aria-label=${title} onKeyDown=${keys}>
    <header class="details-head"><button type="button" class="icon-button" aria-label="Close" onClick=${() => (panel.value = null)}><${Icon} name="close" /></button><h2>${title}</h2></header>
    <div class="details-body" tabindex="-1" ref=${body}>
      ${isSearch ? html`<${InConversation} id=${id} />` : head.type === "group" ? html`<${GroupInfo} id=${id} head=${head} />` : html`<${PersonInfo} id=${id} head=${head} />`}
    </div>
  </section>`;
}

function InConversation({ id }) {
  const [query, setQuery] = useState("");
  const search = useSearch({ q: query.trim(), conversationId: id });
  return html`<div class="search-field"><${Icon} name="search" size=${18} /><input type="search" placeholder="Search in this conversation" aria-label="Search in this conversation" value=${query} onInput=${(event) => setQuery(event.target.value)} dir="auto" /></div>
    ${query.trim() ? html`<${Hits} search=${search} query=${query.trim()} />` : html`<p class="muted pad">Find a message by its words.</p>`}`;
}

const Action = ({ icon, label, isDanger, run }) => html`<button type="button" class=${classes("action", isDanger && "danger")} onClick=${run}><${Icon} name=${icon} /><span>${label}</span></button>`;

function MuteAction({ head }) {
  return html`<${Action} icon=${isMuted(head) ? "bell" : "bellOff"} label=${isMuted(head) ? "Unmute" : "Mute"} run=${(event) => openMenu(event.currentTarget, muteChoices(head), "Mute")} />`;
}

function PersonInfo({ id, head }) {
  const userId = head.friendId;
  const person = personOf(userId).value;
  const presence = presenceOf(userId).value;
  const isFriend = friends.value.has(userId);
  const isBlocked = blocked.value.some(({ _id }) => _id === userId);
  const name = titleOf(head);
  const named = { _id: userId, fullName: name };
  return html`<div class="portrait"><${Avatar} id=${userId} name=${name} picture=${person?.avatar} size="huge" /><h3 dir="auto">${name}</h3>
      <p class="muted">${presence?.online ? "online" : presence?.lastSeen ? `last seen ${since(presence.lastSeen)}` : ""}</p>
      ${person?.about && html`<p class="about" dir="auto">${person.about}</p>`}</div>
    <${MuteAction} head=${head} />
    <${Action} icon="search" label="Search messages" run=${() => (panel.value = "search")} />
    <${PinList} id=${id} head=${head} />
    ${isFriend && html`<${Action} icon="friend" label="Remove from friends" run=${() => unfriend(named)} isDanger />`}
    <${Action} icon="warning" label="Report" run=${() => report({ userId }, `Report ${name}?`, "The administrators will look at this account. What is wrong with it?")} isDanger />
    <${Action} icon="block" label=${isBlocked ? "Unblock" : "Block"} run=${() => (isBlocked ? unblock(userId) : block(named))} isDanger=${!isBlocked} />`;
}

function GroupInfo({ id, head }) {
  const mayManage = head.role === "owner" || head.role === "admin";
  const members = membersOf(id).value;
  const [isAdding, setAdding] = useState(false);
  const picture = async () => {
    const avatar = await pickPicture();
    if (avatar) await attempt(client.updateConversation(id, { avatar }));
  };
  const leave = async () => {
    const sure = await isSure("Leave the group?", "You can no longer read it. The group stays for the others.", "Leave");
    if (sure && (await attempt(client.leave(id)))) go("/", { replace: true });
  };
  const remove = async () => {
    const sure = await isSure("Delete the group?", "It is deleted for all members, with its messages.", "Delete for everyone");
    if (sure && (await attempt(client.deleteConversation(id)))) go("/", { replace: true });
  };
  return html`<div class="portrait">
      <${Avatar} id=${id} name=${head.title} picture=${head.avatar} size="huge" isGroup />
      ${mayManage && html`<span><button type="button" class="link" onClick=${picture}>Change picture</button>${head.avatar && html` · <button type="button" class="link" onClick=${() => attempt(client.updateConversation(id, { avatar: null }))}>Remove</button>`}</span>`}
      <${GroupTitle} id=${id} head=${head} mayManage=${mayManage} />
      <p class="muted">${head.memberCount} members</p>
    </div>
    <${MuteAction} head=${head} />
    <${Action} icon="search" label="Search messages" run=${() => (panel.value = "search")} />
    <${PinList} id=${id} head=${head} />
    ${mayManage && html`<label class="setting"><span>New members see the earlier messages</span><input type="checkbox" role="switch" checked=${head.history === "all"} onChange=${(event) => attempt(client.updateConversation(id, { history: event.target.checked ? "all" : "joined" }))} /></label>`}
    <section class="section"><h3>Members</h3>
      ${mayManage && html`<${Action} icon="friend" label="Add members" run=${() => setAdding(!isAdding)} />`}
      ${isAdding && html`<${AddMembers} id=${id} members=${members} />`}
      <ul class="members">${members.map((member) => html`<li key=${member.userId}><${MemberRow} id=${id} head=${head} member=${member} /></li>`)}</ul>
    </section>
    <${Action} icon="leave" label="Leave the group" run=${leave} isDanger />
    ${head.role === "owner" && html`<${Action} icon="trash" label="Delete the group" run=${remove} isDanger />`}`;
}

function GroupTitle({ id, head, mayManage }) {
  const [title, setTitle] = useState(null);
  if (title === null) {
    return html`<h3 dir="auto">${head.title}${mayManage && html` <button type="button" class="icon-button small" aria-label="Rename the group" onClick=${() => setTitle(head.title)}><${Icon} name="edit" size=${18} /></button>`}</h3>`;
  }
  const rename = async (event) => {
    event.preventDefault();
    if (title.trim() && title.trim() !== head.title && !(await attempt(client.updateConversation(id, { title: title.trim() })))) return;
    setTitle(null);
  };
  const keys = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault(); // of the panel, which it would close
    setTitle(null);
  };
  return html`<form class="inline-form" onSubmit=${rename} onKeyDown=${keys}><input aria-label="Name of the group" maxlength="100" value=${title} onInput=${(event) => setTitle(event.target.value)} ref=${(field) => field?.focus()} dir="auto" /><button class="button primary">Save</button></form>`;
}

function MemberRow({ id, head, member }) {
  const isMe = member.userId === account.value?.myId;
  const isOwner = head.role === "owner";
  const mayRemove = !isMe && (isOwner || (head.role === "admin" && member.role === "member"));
  const put = (role) => attempt(client.putMember(id, member.userId, role));
  const remove = async () => {
    const sure = await isSure(`Remove ${member.fullName}?`, "They can no longer read this group.", "Remove");
    if (sure) await attempt(client.removeMember(id, member.userId));
  };
  const items = [
    !isMe && { label: "Message", icon: "bubble", run: () => talkTo(member.userId) },
    isOwner && !isMe && member.role === "member" && { label: "Make admin", icon: "people", run: () => put("admin") },
    isOwner && !isMe && member.role === "admin" && { label: "Make member", icon: "people", run: () => put("member") },
    isOwner && !isMe && member.role !== "owner" && { label: "Make owner", icon: "people", run: () => put("owner") },
    mayRemove && { label: "Remove", icon: "trash", isDanger: true, run: remove },
  ].filter(Boolean);
  return html`<div class="person">
    <${Avatar} id=${member.userId} name=${member.fullName} picture=${member.avatar} size="small" />
    <span class="person-text"><span dir="auto">${isMe ? `${member.fullName} (you)` : member.fullName}</span>${member.role !== "member" && html`<span class="muted">${member.role}</span>`}</span>
    ${items.length > 0 && html`<button type="button" class="icon-button small" aria-label=${`${member.fullName}: more`} aria-haspopup="menu" onClick=${(event) => openMenu(event.currentTarget, items, member.fullName)}><${Icon} name="dots" size=${18} /></button>`}
  </div>`;
}

function AddMembers({ id, members }) {
  const inside = new Set(members.map(({ userId }) => userId));
  const others = contacts.value.filter(({ _id }) => !inside.has(_id));
  if (!others.length) return html`<p class="muted pad">All your friends are in this group.</p>`;
  return html`<ul class="members adding">${others.map((person) => html`<li key=${person._id} class="person"><${Avatar} id=${person._id} name=${person.fullName} picture=${person.avatar} size="small" /><span class="person-text" dir="auto">${person.fullName}</span>
    <button type="button" class="button small" aria-label=${`Add ${person.fullName}`} onClick=${() => attempt(client.putMember(id, person._id))}>Add</button></li>`)}</ul>`;
}
