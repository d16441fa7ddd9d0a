// Profile, appearance, notifications, devices, and the account.
import { account, client, profile, readProfile, settings } from "./chat.js";
import { attempt, textOf } from "./acts.js";
import { Avatar } from "./avatar.js";
import { saveBlob } from "./files.js";
import { Icon } from "./icons.js";
import { Dialog, isSure, notify } from "./layer.js";
import { isAllowed, isWanted, permission, want } from "./notify.js";
import { pickPicture } from "./pictures.js";
import { home } from "./route.js";
import { since } from "./time.js";
import { html, recall, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";

export function Settings() {
  const [isErasing, setErasing] = useState(false);
  useEffect(() => void attempt(readProfile(), null), []);
  return html`<${Dialog} title="Settings" onClose=${home}>
    <${Profile} />
    <${Appearance} />
    <${Notifications} />
    ${settings.accounts && html`<${Privacy} /><${Devices} /><${Password} />`}
    <${Keys} />
    <section class="section"><button type="button" class="button wide" onClick=${signOut}><${Icon} name="leave" size=${18} /> Sign out</button>
      ${settings.accounts && html`<div class="row-of-buttons"><button type="button" class="link" onClick=${exportData}>Download my data</button><button type="button" class="link danger" onClick=${() => setErasing(true)}>Delete my account</button></div>`}</section>
    ${isErasing && html`<${Erase} onClose=${() => setErasing(false)} />`}
  <//>`;
}

async function signOut() {
  const waiting = client.pending().length;
  if (waiting) {
    const sure = await isSure("Sign out?", `${waiting} ${waiting === 1 ? "message has" : "messages have"} not been sent and will be lost.`, "Sign out");
    if (!sure) return;
  }
  await client.signOut();
}

async function exportData() {
  const blob = await attempt(client.exportData());
  if (blob) saveBlob(blob, "chat.jsonl");
}

const wrongPassword = (error) => (error.code === "bad_credentials" || error.statusCode === 403 ? "The password is wrong." : textOf(error));

function Erase({ onClose }) {
  const [error, setError] = useState("");
  const erase = async (event) => {
    event.preventDefault();
    setError("");
    try {
      await client.deleteAccount(new FormData(event.target).get("password"));
      notify("Your account is deleted");
    } catch (thrown) {
      setError(wrongPassword(thrown));
    }
  };
  return html`<${Dialog} title="Delete your account?" size="small" onClose=${onClose} footer=${html`<button type="button" class="button" onClick=${onClose}>Cancel</button><button form="erase" class="button danger">Delete my account</button>`}>
    <p class="question">Your profile, friends and devices are erased, and your messages become those of a deleted account. This cannot be undone.</p>
    <form id="erase" onSubmit=${erase}>
      <label class="field"><span>Password</span><input name="password" type="password" required autocomplete="current-password" autofocus /></label>
      ${error && html`<p class="error" role="alert">${error}</p>`}
    </form>
  <//>`;
}

function Profile() {
  const held = profile.value ?? account.value ?? {};
  const [name, setName] = useState(held.fullName ?? "");
  const [about, setAbout] = useState(held.about ?? "");
  useEffect(() => {
    setName(held.fullName ?? "");
    setAbout(held.about ?? "");
  }, [held.fullName, held.about]);
  const isChanged = name.trim() !== held.fullName || about.trim() !== (held.about ?? "");
  const save = async (event) => {
    event.preventDefault();
    if (await attempt(client.updateMe({ fullName: name.trim(), about: about.trim() }))) notify("Saved");
  };
  const picture = async () => {
    const avatar = await pickPicture();
    if (avatar) await attempt(client.updateMe({ avatar }));
  };
  return html`<section class="section profile">
    <div class="profile-picture"><${Avatar} id=${account.value?.myId} name=${held.fullName} picture=${held.avatar} size="large" />
      ${settings.accounts && html`<div><button type="button" class="button" onClick=${picture}>Change picture</button>${held.avatar && html`<button type="button" class="link" onClick=${() => attempt(client.updateMe({ avatar: null }))}>Remove</button>`}</div>`}</div>
    ${settings.accounts
      ? html`<form onSubmit=${save}>
          <label class="field"><span>Name</span><input required maxlength="100" autocomplete="name" value=${name} onInput=${(event) => setName(event.target.value)} dir="auto" /></label>
          <label class="field"><span>About</span><input maxlength="500" value=${about} onInput=${(event) => setAbout(event.target.value)} dir="auto" /></label>
          <p class="muted">${held.email}${profile.value?.verified === false && html` · not verified · <button type="button" class="link" onClick=${async () => (await attempt(client.requestVerification())) && notify("The mail was sent")}>Send the mail again</button>`}</p>
          <button class="button primary" disabled=${!isChanged || !name.trim()}>Save</button>
        </form>`
      : html`<p dir="auto">${held.fullName}</p>`}
  </section>`;
}

function Choice({ legend, name, values, chosen, onChoose }) {
  return html`<fieldset class="segments"><legend>${legend}</legend>
    ${values.map(([value, label]) => html`<label key=${value}><input type="radio" name=${name} checked=${chosen === value} onChange=${() => onChoose(value)} /><span>${label}</span></label>`)}
  </fieldset>`;
}

function Appearance() {
  const root = document.documentElement;
  const [theme, setTheme] = useState(recall("chat:theme") ?? "auto");
  const [text, setText] = useState(recall("chat:text") ?? "normal");
  const chooseTheme = (value) => {
    setTheme(value);
    localStorage.setItem("chat:theme", value);
    if (value === "auto") delete root.dataset.theme;
    else root.dataset.theme = value;
  };
  const chooseText = (value) => {
    setText(value);
    localStorage.setItem("chat:text", value);
    if (value === "large") root.dataset.text = "large";
    else delete root.dataset.text;
  };
  return html`<section class="section"><h3>Appearance</h3>
    <${Choice} legend="Theme" name="theme" values=${[["auto", "System"], ["light", "Light"], ["dark", "Dark"]]} chosen=${theme} onChoose=${chooseTheme} />
    <${Choice} legend="Text" name="text" values=${[["normal", "Normal"], ["large", "Large"]]} chosen=${text} onChoose=${chooseText} />
  </section>`;
}

function Notifications() {
  const isDenied = permission.value === "denied";
  return html`<section class="section"><h3>Notifications</h3>
    <label class="setting"><span>Show notifications while the chat is in the background</span><input type="checkbox" role="switch" checked=${isWanted.value && isAllowed.value} disabled=${isDenied || permission.value === "unsupported"} onChange=${(event) => want(event.target.checked)} /></label>
    ${isDenied && html`<p class="muted">The browser blocks notifications of this page. Its settings can allow them.</p>`}
    ${permission.value === "unsupported" && html`<p class="muted">This browser has no notifications.</p>`}
  </section>`;
}

function Privacy() {
  const isOn = profile.value?.settings?.readReceipts ?? true;
  return html`<section class="section"><h3>Privacy</h3>
    <label class="setting"><span>Tell others when I have read their messages</span><input type="checkbox" role="switch" checked=${isOn} disabled=${!profile.value} onChange=${(event) => attempt(client.updateMe({ settings: { readReceipts: event.target.checked } }))} /></label>
  </section>`;
}

const BROWSERS = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]];

/** The name of a session's device: the name of the app, or the browser and the system. */
function deviceOf({ name, platform }) {
  if (!name.startsWith("Mozilla/")) return name || platform || "Device";
  const browser = BROWSERS.find(([mark]) => name.includes(mark))?.[1] ?? "Browser";
  return platform ? `${browser} on ${platform}` : browser;
}

function Devices() {
  const [sessions, setSessions] = useState(null);
  const read = async () => setSessions((await attempt(client.sessions(), null)) ?? []);
  useEffect(() => {
    void read();
    return client.on("account", (news) => "sessions" in news && void read());
  }, []);
  const end = async (id) => (await attempt(client.endSession(id))) && read();
  const endOthers = async () => (await attempt(client.endOtherSessions())) && read();
  return html`<section class="section"><h3>Devices</h3>
    ${sessions === null && html`<p class="muted">Loading…</p>`}
    <ul class="members">${(sessions ?? []).map((session) => html`<li key=${session.id} class="person">
      <span class="file-icon"><${Icon} name="device" /></span>
      <span class="person-text"><span dir="auto">${deviceOf(session)}</span><span class="muted">${session.current ? "this device" : `used ${since(session.usedAt ?? session.createdAt)}`}</span></span>
      ${!session.current && html`<button type="button" class="button small" aria-label=${`Sign out ${deviceOf(session)}`} onClick=${() => end(session.id)}>Sign out</button>`}
    </li>`)}</ul>
    ${sessions?.length > 1 && html`<button type="button" class="link danger" onClick=${endOthers}>Sign out all other devices</button>`}
  </section>`;
}

function Password() {
  const [isOpen, setOpen] = useState(false);
  const [error, setError] = useState("");
  const first = useRef();
  const hasMoved = useRef(false);
  useLayoutEffect(() => {
    if (hasMoved.current) first.current.focus();
    hasMoved.current = true;
  }, [isOpen]);
  const change = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    setError("");
    try {
      await client.changePassword(form.get("old"), form.get("new"));
      setOpen(false);
      notify("Your password is changed. Other devices are signed out.");
    } catch (thrown) {
      setError(wrongPassword(thrown));
    }
  };
  if (!isOpen) return html`<section class="section"><h3>Password</h3><button type="button" class="button" ref=${first} onClick=${() => setOpen(true)}>Change password</button></section>`;
  return html`<section class="section"><h3>Password</h3><form onSubmit=${change}>
    <label class="field"><span>Current password</span><input name="old" type="password" required autocomplete="current-password" ref=${first} /></label>
    <label class="field"><span>New password</span><input name="new" type="password" required minlength="8" maxlength="200" autocomplete="new-password" /></label>
    ${error && html`<p class="error" role="alert">${error}</p>`}
    <button class="button primary">Change</button>
  </form></section>`;
}

const KEYS = [
  ["Ctrl K", "search"],
  ["Alt ↑ / Alt ↓", "previous or next conversation"],
  ["↑ in an empty field", "edit the last own message"],
  ["Shift Tab, ↑, ↓", "go through the messages; Enter opens the menu"],
  ["R, E, +, Delete", "on a message: reply, edit, react, delete"],
  ["Esc", "close, stop"],
];

function Keys() {
  return html`<details class="section keys"><summary>Keyboard</summary><dl>${KEYS.map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl></details>`;
}
