// The open conversation: its head, its messages, and the composer.
import { LivingAvatar } from "./avatar.js";
import { blocked, client, connection, headOf, isAway, isMuted, nameOf, pictureOf, presenceOf, show, timelineOf, titleOf, typingIn } from "./chat.js";
import { attempt, jump, scrollTo, unblock } from "./acts.js";
import { Composer } from "./composer.js";
import { Details, panel } from "./details.js";
import { Icon } from "./icons.js";
import { muteChoices } from "./mute.js";
import { openMenu, say } from "./layer.js";
import { Pins } from "./pins.js";
import { go, route } from "./route.js";
import { Timeline } from "./timeline.js";
import { since } from "./time.js";
import { html, useEffect, useRef, useState } from "./ui.js";
import { lineOf } from "./words.js";

export function Conversation({ id }) {
  const head = headOf(id).value;
  const [isOver, setOver] = useState(0);
  const seq = route.value.page === "chat" && route.value.id === id ? route.value.seq : undefined;
  const place = useRef();

  useEffect(() => {
    if (document.activeElement === document.body) document.getElementById("stage").focus({ preventScroll: true }); // without a composer
    const close = show(id);
    return () => {
      close();
      if (jump.window.peek()?.id === id) jump.leave();
    };
  }, [id]);
  useEffect(() => {
    if (seq) void scrollTo(id, seq);
  }, [id, seq]);
  useEffect(() => (head?.friendId ? client.watch([head.friendId]) : undefined), [head?.friendId]);

  // New messages of the open conversation are said once to screen readers.
  useEffect(
    () =>
      client.on("message", ({ message, isLive }) => {
        if (isLive && message.conversationId === id) void lineOf(message).then(say);
      }),
    [id],
  );

  if (!head && timelineOf(id).value.error?.statusCode === 404) {
    return html`<section class="conversation empty"><p>This conversation does not exist, or you are not a member any more.</p>
      <button type="button" class="button" onClick=${() => go("/", { replace: true })}>Back to the list</button></section>`;
  }
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const dropped = (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    setOver(0);
    place.current.dispatchEvent(new CustomEvent("chat:files", { detail: event.dataTransfer.files }));
  };
  const isBarred = head?.friendId && blocked.value.some(({ _id }) => _id === head.friendId);
  return html`<section class="conversation" ref=${place} aria-label=${`Conversation: ${titleOf(head)}`}
    onDragEnter=${(event) => hasFiles(event) && (event.preventDefault(), setOver(isOver + 1))} onDragOver=${(event) => hasFiles(event) && event.preventDefault()}
    onDragLeave=${() => setOver(Math.max(0, isOver - 1))} onDrop=${dropped}>
    <${Head} id=${id} head=${head} />
    <${Pins} id=${id} head=${head} />
    <${Timeline} key=${id} id=${id} />
    ${isBarred
      ? html`<footer class="composer barred"><p>You have blocked ${titleOf(head)}.</p><button type="button" class="button" onClick=${() => unblock(head.friendId)}>Unblock</button></footer>`
      : html`<${Composer} key=${`composer ${id}`} id=${id} />`}
    ${isOver > 0 && html`<div class="drop" aria-hidden="true"><${Icon} name="attach" size=${32} /> Drop files to attach them</div>`}
  </section>
  ${panel.value && head && html`<${Details} key=${`details ${id}`} id=${id} head=${head} />`}`;
}

function Head({ id, head }) {
  const title = titleOf(head);
  const menu = (event) => openMenu(event.currentTarget, [
    { label: head?.type === "group" ? "Group details" : "Details", icon: "info", run: () => (panel.value = "info") },
    { label: "Search", icon: "search", run: () => (panel.value = "search") },
    ...muteChoices(head),
    { label: "Mark as unread", icon: "unread", run: () => attempt(client.markUnread(id, Math.max(1, head.lastSeq))).then((done) => done && go("/")) },
  ], "Conversation");
  return html`<header class="conversation-head">
    <button type="button" class="icon-button only-narrow" aria-label="Back to the list" onClick=${() => go("/")}><${Icon} name="back" /></button>
    <button type="button" class="conversation-title" aria-expanded=${String(panel.value === "info")} onClick=${() => (panel.value = panel.value === "info" ? null : "info")}>
      <${LivingAvatar} userId=${head?.friendId} id=${head?.friendId ?? id} name=${title} picture=${pictureOf(head)} isGroup=${head?.type === "group"} />
      <span class="title-text"><h1 dir="auto">${title}${isMuted(head) && html` <${Icon} name="bellOff" size=${16} /><span class="visually-hidden">, muted</span>`}</h1><span class="muted"><${Status} id=${id} head=${head} /></span></span>
    </button>
    <button type="button" class="icon-button only-wide" aria-label="Search in this conversation" aria-expanded=${String(panel.value === "search")} title="Search" onClick=${() => (panel.value = panel.value === "search" ? null : "search")}><${Icon} name="search" /></button>
    <button type="button" class="icon-button" aria-label="More" aria-haspopup="menu" title="More" onClick=${menu}><${Icon} name="dots" /></button>
  </header>`;
}

function Status({ id, head }) {
  const typing = typingIn(id).value;
  const presence = presenceOf(head?.friendId ?? "").value;
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 60_000);
    return () => clearInterval(timer);
  }, []);
  if (!head) return null;
  if (isAway.value) return connection.value.state === "connecting" ? "connecting…" : "no connection";
  if (typing?.length) return html`<span class="accent">${head.type === "group" ? `${nameOf(typing[0])} is typing…` : "typing…"}</span>`;
  if (head.type === "group") return `${head.memberCount ?? ""} members`;
  if (presence?.online) return "online";
  return presence?.lastSeen ? `last seen ${since(presence.lastSeen)}` : "";
}
