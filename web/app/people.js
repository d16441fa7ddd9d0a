// Friends: the list, adding by e-mail, removing, blocking; and new groups.
import { blocked, client, contacts, friends, presenceOf, readBlocks, readFriends, settings } from "./chat.js";
import { attempt, block, talkTo, textOf, unblock, unfriend } from "./acts.js";
import { Avatar, LivingAvatar } from "./avatar.js";
import { Icon } from "./icons.js";
import { Dialog, notify, openMenu } from "./layer.js";
import { go, home } from "./route.js";
import { html, useEffect, useState } from "./ui.js";

export function Friends({ isAdding }) {
  const [query, setQuery] = useState("");
  const all = contacts.value;
  const found = all.filter(({ fullName }) => fullName.toLocaleLowerCase().includes(query.toLocaleLowerCase()));
  useEffect(() => {
    void attempt(readFriends(), null);
    void attempt(readBlocks(), null);
    const ids = [...friends.peek().keys()].slice(0, 100);
    return ids.length ? client.watch(ids) : undefined;
  }, []);
  return html`<${Dialog} title="Friends" onClose=${home}>
    ${settings.accounts && html`<${AddFriend} isFocused=${isAdding || !all.length} />`}
    ${all.length > 6 && html`<div class="search-field"><${Icon} name="search" size=${18} /><input type="search" placeholder="Search friends" aria-label="Search friends" value=${query} onInput=${(event) => setQuery(event.target.value)} /></div>`}
    ${all.length === 0 && html`<p class="muted pad">You have no friends here yet.</p>`}
    <ul class="members">${found.map((person) => html`<li key=${person._id}><${Friend} person=${person} /></li>`)}</ul>
    ${blocked.value.length > 0 && html`<section class="section"><h3>Blocked</h3><ul class="members">
      ${blocked.value.map((person) => html`<li key=${person._id} class="person"><${Avatar} id=${person._id} name=${person.fullName} size="small" /><span class="person-text" dir="auto">${person.fullName}</span>
        <button type="button" class="button small" aria-label=${`Unblock ${person.fullName}`} onClick=${() => unblock(person._id)}>Unblock</button></li>`)}</ul></section>`}
  <//>`;
}

function AddFriend({ isFocused }) {
  const [email, setEmail] = useState("");
  const [error, setError] = useState("");
  const add = async (event) => {
    event.preventDefault();
    setError("");
    try {
      const person = await client.addFriend(email.trim());
      setEmail("");
      await attempt(readFriends(), null);
      notify(`${person?.fullName ?? "Your friend"} is your friend`, { action: person && { label: "Write", run: () => talkTo(person._id) } });
    } catch (thrown) {
      setError(thrown.statusCode === 404 ? "There is no user with this e-mail." : textOf(thrown));
    }
  };
  return html`<form class="field-row" onSubmit=${add}>
    <label class="field"><span>Add a friend by e-mail</span><input type="email" required maxlength="254" autocomplete="off" value=${email} autofocus=${isFocused} onInput=${(event) => setEmail(event.target.value)} aria-invalid=${error ? "true" : undefined} aria-describedby=${error ? "friend-error" : undefined} /></label>
    <button class="button primary">Add</button>
    ${error && html`<p class="error" id="friend-error" role="alert">${error}</p>`}
  </form>`;
}

function Friend({ person }) {
  const presence = presenceOf(person._id).value;
  const items = [
    { label: "Remove", icon: "trash", isDanger: true, run: () => unfriend(person) },
    { label: "Block", icon: "block", isDanger: true, run: () => block(person) },
  ];
  return html`<div class="person">
    <button type="button" class="person-main" onClick=${() => talkTo(person._id)}>
      <${LivingAvatar} userId=${person._id} id=${person._id} name=${person.fullName} picture=${person.avatar} size="small" />
      <span class="person-text"><span dir="auto">${person.fullName}</span>${presence?.online && html`<span class="muted">online</span>`}</span>
    </button>
    <button type="button" class="icon-button small" aria-label=${`${person.fullName}: more`} aria-haspopup="menu" onClick=${(event) => openMenu(event.currentTarget, items, person.fullName)}><${Icon} name="dots" size=${18} /></button>
  </div>`;
}

export function NewGroup() {
  const [title, setTitle] = useState("");
  const [chosen, setChosen] = useState(new Set());
  const [history, setHistory] = useState("all");
  const [isBusy, setBusy] = useState(false);
  const [msgId] = useState(() => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`);
  const all = contacts.value;
  useEffect(() => void attempt(readFriends(), null), []);
  const toggle = (id) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const create = async (event) => {
    event.preventDefault();
    setBusy(true);
    const group = await attempt(client.createGroup({ title: title.trim(), memberIds: [...chosen], history, msgId }));
    setBusy(false);
    if (group) go(`/c/${group.id}`, { replace: true });
  };
  return html`<${Dialog} title="New group" onClose=${home} footer=${html`<button type="submit" form="new-group" class="button primary" disabled=${isBusy || !title.trim() || chosen.size === 0}>Create</button>`}>
    <form id="new-group" onSubmit=${create}>
      <label class="field"><span>Name</span><input required maxlength="100" value=${title} autofocus onInput=${(event) => setTitle(event.target.value)} dir="auto" /></label>
      <fieldset class="choices"><legend>Members</legend>
        ${all.length === 0 && html`<p class="muted">Add friends first.</p>`}
        ${all.map((person) => html`<label key=${person._id} class="person"><input type="checkbox" checked=${chosen.has(person._id)} onChange=${() => toggle(person._id)} /><${Avatar} id=${person._id} name=${person.fullName} picture=${person.avatar} size="small" /><span class="person-text" dir="auto">${person.fullName}</span></label>`)}
      </fieldset>
      <fieldset class="choices"><legend>Members who join later</legend>
        <label class="radio"><input type="radio" name="history" checked=${history === "all"} onChange=${() => setHistory("all")} /> see all messages</label>
        <label class="radio"><input type="radio" name="history" checked=${history === "joined"} onChange=${() => setHistory("joined")} /> see the messages since they joined</label>
      </fieldset>
    </form>
  <//>`;
}
