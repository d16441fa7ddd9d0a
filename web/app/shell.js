// The page: the forms of sign-in, or the list beside the open conversation, with dialogs above.
import { account, client, conversations } from "./chat.js";
import { viewed } from "./acts.js";
import { Conversation } from "./conversation.js";
import { panel } from "./details.js";
import { Icon } from "./icons.js";
import { notify } from "./layer.js";
import { Friends, NewGroup } from "./people.js";
import { go, openId, route } from "./route.js";
import { searchField, Sidebar } from "./sidebar.js";
import { Settings } from "./settings.js";
import { SignIn, useVerification } from "./signin.js";
import { Viewer } from "./viewer.js";
import { classes, html, useEffect } from "./ui.js";

export function Shell() {
  useVerification();
  if (account.value === undefined) return html`<main class="gate"><span class="spinner" role="status"><span class="visually-hidden">Loading</span></span></main>`;
  // The user of a link in a mail may be another one than the signed-in user.
  if (account.value === null || route.value.page === "reset") return html`<${SignIn} />`;
  return html`<${Home} key=${account.value.myId} />`;
}

function Home() {
  const id = openId.value;
  const { page, id: part } = route.value;
  useEffect(() => {
    addEventListener("keydown", keys);
    const off = client.on("removed", ({ conversationId }) => {
      if (openId.peek() !== conversationId) return;
      notify("You are no longer a member of this conversation");
      go("/", { replace: true });
    });
    return () => {
      removeEventListener("keydown", keys);
      off();
    };
  }, []);
  return html`<main class=${classes("home", id && "has-open", id && panel.value && "has-panel")}>
    <${Sidebar} />
    <div class="stage" id="stage" tabindex="-1">
      ${id ? html`<${Conversation} key=${id} id=${id} />` : html`<section class="conversation empty"><${Icon} name="bubble" size=${56} /><p>Choose a conversation, or begin a new one.</p></section>`}
    </div>
    ${page === "friends" && html`<${Friends} isAdding=${part === "add"} />`}
    ${page === "group" && html`<${NewGroup} />`}
    ${page === "settings" && html`<${Settings} />`}
    ${viewed.value && html`<${Viewer} />`}
  </main>`;
}

function keys(event) {
  if (document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (matchMedia("(max-width: 760px)").matches) go("/");
    requestAnimationFrame(() => searchField.value?.focus());
  } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    const list = conversations.value;
    const at = list.findIndex(({ id }) => id === openId.value);
    const next = list[at < 0 ? 0 : Math.max(0, Math.min(list.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))];
    if (next) go(`/c/${next.id}`);
  }
}
