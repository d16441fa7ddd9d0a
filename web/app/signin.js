// The forms of sign-in, registration and forgotten password, and the links in mails from the server.
import { account, client, settings, storage } from "./chat.js";
import { textOf } from "./acts.js";
import { notify } from "./layer.js";
import { go, route } from "./route.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";

const STATE = "chat:sign-in";

/**
 * Takes the token that a project's own page has put into the fragment: `#token=…&id=…&name=…&expiresAt=…&state=…`.
 * `state` proves that this page has requested it: a foreign link must not sign the user in.
 */
export async function takeToken() {
  if (settings.accounts || !location.hash.includes("token=")) return;
  const given = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
  const expected = sessionStorage.getItem(STATE);
  sessionStorage.removeItem(STATE);
  if (!expected || given.get("state") !== expected) return;
  const user = { myId: given.get("id"), fullName: given.get("name") ?? "", email: "" };
  const expiresAt = given.get("expiresAt") ?? "9999-12-31T00:00:00.000Z";
  await storage.set("session", { token: given.get("token"), expiresAt, user });
}

function signInElsewhere() {
  const state = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  sessionStorage.setItem(STATE, state);
  const address = new URL(settings.signIn, document.baseURI);
  address.searchParams.set("return", new URL(".", document.baseURI).href);
  address.searchParams.set("state", state);
  location.assign(address.href);
}

/** Takes the link of the mail that verifies an address. */
export function useVerification() {
  const { page, id } = route.value;
  useEffect(() => {
    if (page !== "verify" || !id) return;
    void client.verify(id).then(() => notify("Your e-mail is verified"), (error) => notify(textOf(error, "This link is not valid any more"), { kind: "error" }));
    go("/", { replace: true });
  }, [page]);
}

export function SignIn() {
  const { page, id } = route.value;
  const [mode, setMode] = useState(page === "register" ? "register" : "login");
  const box = useRef();
  useLayoutEffect(() => box.current.querySelector("[autofocus]")?.focus(), [mode, page]);
  return html`<main class="gate"><div class="gate-box" ref=${box}>
    <img class="logo" src="./icons/icon.svg" alt="" width="64" height="64" />
    ${page === "reset" && id
      ? html`<${Reset} token=${id} onBack=${() => (setMode("login"), go("/", { replace: true }))} />`
      : settings.accounts
        ? mode === "forgotten" ? html`<${Forgotten} onBack=${() => setMode("login")} />` : html`<${Form} key=${mode} mode=${mode} setMode=${setMode} />`
        : html`<h1>${settings.name}</h1>${settings.signIn
            ? html`<p class="muted">Sign in to read and write messages.</p><button type="button" class="button primary wide" onClick=${signInElsewhere}>Sign in</button>`
            : html`<p class="muted">This chat has no page for signing in.</p>`}`}
  </div></main>`;
}

function Form({ mode, setMode }) {
  const { page } = route.value;
  const isNew = mode === "register";
  const enter = async (form) => {
    const email = form.email.trim();
    await (isNew ? client.register({ ...form, fullName: form.fullName.trim(), email }) : client.signIn({ ...form, email }));
    account.value = client.user;
    if (page === "register") go("/", { replace: true });
  };
  return html`<h1>${isNew ? "Create your account" : `Welcome to ${settings.name}`}</h1>
    <${Asking} work=${enter} label=${isNew ? "Create account" : "Sign in"}>
      ${isNew && html`<label class="field"><span>Name</span><input name="fullName" required maxlength="100" autocomplete="name" autofocus dir="auto" /></label>`}
      <label class="field"><span>E-mail</span><input name="email" type="email" required maxlength="254" autocomplete="username" autofocus=${!isNew} /></label>
      <label class="field"><span>Password</span><input name="password" type="password" required minlength=${isNew ? 8 : undefined} maxlength="200" autocomplete=${isNew ? "new-password" : "current-password"} aria-describedby=${isNew ? "password-hint" : undefined} /></label>
      ${isNew && html`<p class="muted hint" id="password-hint">At least 8 characters</p>`}
    <//>
    <p class="gate-links">${isNew
      ? html`<button type="button" class="link" onClick=${() => setMode("login")}>I have an account</button>`
      : html`<button type="button" class="link" onClick=${() => setMode("register")}>Create an account</button><button type="button" class="link" onClick=${() => setMode("forgotten")}>Forgotten password</button>`}</p>`;
}

const FIELDS = { fullName: "name", email: "e-mail", password: "password" };

function messageOf(error) {
  if (error.code === "bad_credentials" || error.statusCode === 401) return "The e-mail or the password is wrong.";
  if (error.code === "email_taken") return "This e-mail is registered already.";
  if (error.code === "rate_limited") return `Too many attempts. Try again ${error.retryAfter ? `in ${Math.ceil(error.retryAfter / 60)} min` : "later"}.`;
  const [problem] = error.validation?.errors ?? [];
  const field = FIELDS[problem?.path?.slice(1)];
  if (field && /^must not be the name/u.test(problem.message)) return "The password must not be your name or your e-mail.";
  return field ? `The ${field} is not valid.` : textOf(error);
}

/** A form that sends a request: `work` takes its data. An error is shown in the form. */
function Asking({ work, label, children }) {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await work(Object.fromEntries(new FormData(event.target)));
    } catch (thrown) {
      setError(messageOf(thrown));
    }
    setBusy(false);
  };
  return html`<form onSubmit=${submit}>${children}
    ${error && html`<p class="error" role="alert">${error}</p>`}
    <button class="button primary wide" disabled=${isBusy}>${label}</button>
  </form>`;
}

function Forgotten({ onBack }) {
  const [isDone, setDone] = useState(false);
  const ask = async ({ email }) => {
    await client.forgotPassword(email.trim());
    setDone(true);
  };
  return html`<h1>Forgotten password</h1>
    ${isDone
      ? html`<p role="status">If this e-mail has an account, a mail with a link is on its way.</p>`
      : html`<${Asking} work=${ask} label="Send a link"><label class="field"><span>E-mail</span><input name="email" type="email" required maxlength="254" autocomplete="username" autofocus /></label><//>`}
    <p class="gate-links"><button type="button" class="link" onClick=${onBack}>Back</button></p>`;
}

function Reset({ token, onBack }) {
  const set = async ({ password }) => {
    await client.resetPassword(token, password);
    notify("Your password is changed. Sign in with it.");
    onBack();
  };
  return html`<h1>New password</h1><${Asking} work=${set} label="Change password">
    <label class="field"><span>New password</span><input name="password" type="password" required minlength="8" maxlength="200" autocomplete="new-password" autofocus aria-describedby="password-hint" /></label>
    <p class="muted hint" id="password-hint">At least 8 characters</p><//>
    <p class="gate-links"><button type="button" class="link" onClick=${onBack}>Back</button></p>`;
}
