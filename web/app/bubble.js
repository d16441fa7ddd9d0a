// One message: its bubble, marks, reactions, attachments, and actions.
import { account, client, headOf, nameOf, personOf } from "./chat.js";
import { EmojiPicker, nameOf as emojiName, QUICK } from "./emoji.js";
import { Avatar, hueOf } from "./avatar.js";
import { blobOf, isAudio, isImage, isVideo, save } from "./files.js";
import { Icon } from "./icons.js";
import { ask, notify, openMenu, openPopup, say } from "./layer.js";
import { isEmoji, rich } from "./text.js";
import { bytes, clock, full } from "./time.js";
import { attempt, compose, report, scrollTo, textOf, view } from "./acts.js";
import { classes, html, isTouch, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { wordsOf } from "./words.js";

const MARKS = {
  queued: ["clock", "Waiting to be sent"],
  sending: ["clock", "Sending"],
  sent: ["check", "Sent"],
  delivered: ["checks", "Delivered"],
  read: ["checks", "Read"],
  failed: ["warning", "Not sent"],
};

export function Bubble({ message, isFirst, isLast, isGroup, isFlashed, isPinned, tab }) {
  const me = account.value?.myId;
  const isMine = message.userId === me;
  if (message.type === "system") return html`<p class="system" dir="auto">${wordsOf(message)}</p>`;
  const isGone = Boolean(message.deletedAt);
  const isBare = !isGone && !message.attachments?.length && !message.replyTo && isEmoji(message.text);
  const name = nameOf(message.userId);
  const menu = (event) => {
    event.preventDefault();
    openMenu(event.currentTarget, choices(message), "Message");
  };
  // Where the buttons beside a message have no room, its menu opens at the pointer.
  const menuHere = (event) => {
    event.preventDefault();
    const { currentTarget, clientX, clientY } = event;
    const place = { getBoundingClientRect: () => new DOMRect(clientX, clientY, 0, 0) };
    openMenu(currentTarget.closest("li"), choices(message), "Message", place);
  };
  const tap = (event) => isTouch() && !event.target.closest("a, button, audio, video, pre") && getSelection().isCollapsed && menuHere(event);
  return html`<div class=${classes("row", isMine ? "mine" : "theirs", isFirst && "first", isLast && "last", isFlashed && "flashed", isBare && "bare")} data-seq=${message.seq || undefined}>
    ${isGroup && !isMine && html`<span class="gutter">${isLast && html`<${Author} userId=${message.userId} name=${name} />`}</span>`}
    <div class="stack">
      <div class=${classes("bubble", isGone && "gone", message.status === "failed" && "failed")} onContextMenu=${menuHere} onClick=${tap}>
        ${isGroup && !isMine && isFirst && html`<span class=${`author hue-${hueOf(message.userId)}`} dir="auto">${name}</span>`}
        ${message.replyTo && !isGone && html`<${Quote} message=${message} tab=${tab} />`}
        ${message.attachments?.length > 0 && html`<${Attachments} items=${message.attachments} tab=${tab} />`}
        ${isGone
          ? html`<span class="text"><${Icon} name="block" size=${16} /> This message was deleted</span>`
          : message.text && html`<div class=${classes("text", message.editedAt && "edited", isPinned && "pinned")} dir="auto">${rich(message.text, mentioned(message, me))}${message.streaming && html`<span class="caret" aria-label="Still writing" />`}</div>`}
        <span class="meta">
          ${isPinned && html`<${Icon} name="pin" size=${14} /><span class="visually-hidden">Pinned.</span>`}
          ${message.editedAt && !isGone && html`<span title=${full(message.editedAt)}>edited</span>`}
          <time datetime=${message.createdAt} title=${full(message.createdAt)}>${clock(message.createdAt)}</time>
          ${isMine && !isGone && html`<${Mark} status=${message.status} />`}
        </span>
      </div>
      ${message.status === "failed" && html`<${Failed} message=${message} />`}
      ${message.reactions && Object.keys(message.reactions).length > 0 && html`<${Reactions} message=${message} me=${me} tab=${tab} />`}
    </div>
    ${message.seq > 0 && !isGone && html`<${Tools} message=${message} onMenu=${menu} tab=${tab} />`}
    ${(isGone || message.seq === 0) && html`<span class="tools quiet"><button type="button" class="icon-button small more" tabindex="-1" aria-label="More" onClick=${menu}><${Icon} name="dots" size=${18} /></button></span>`}
  </div>`;
}

function Author({ userId, name }) {
  const person = personOf(userId).value;
  return html`<${Avatar} id=${userId} name=${name} picture=${person?.avatar} size="tiny" />`;
}

function Mark({ status }) {
  const [icon, label] = MARKS[status] ?? MARKS.sent;
  return html`<span class=${`mark ${status}`} title=${label}><${Icon} name=${icon} size=${16} /><span class="visually-hidden">${label}</span></span>`;
}

function Failed({ message }) {
  return html`<p class="failed-note">
    <span>${textOf(message.error, "Not sent")}</span>
    <button type="button" class="link" onClick=${() => attempt(client.retry(message.msgId))}>Try again</button>
    <button type="button" class="link" onClick=${() => attempt(client.discard(message.msgId))}>Discard</button>
  </p>`;
}

function Tools({ message, onMenu, tab }) {
  return html`<span class="tools">
    <button type="button" class="icon-button small react" tabindex=${tab} aria-label="React" title="React" onClick=${(event) => pickReaction(message, event.currentTarget)}><${Icon} name="smile" size=${18} /></button>
    <button type="button" class="icon-button small" tabindex=${tab} aria-label="Reply" title="Reply" onClick=${() => compose.reply(message)}><${Icon} name="reply" size=${18} /></button>
    <button type="button" class="icon-button small more" tabindex=${tab} aria-label="More" title="More" onClick=${onMenu}><${Icon} name="dots" size=${18} /></button>
  </span>`;
}

const pickReaction = (message, control, place) => openPopup(control, (close) => html`<${ReactionPicker} message=${message} close=${close} />`, "React", place);

function ReactionPicker({ message, close }) {
  const [isAll, setAll] = useState(false);
  const row = useRef();
  useLayoutEffect(() => row.current?.querySelector("button").focus(), []);
  const pick = (emoji) => {
    close();
    react(message, emoji);
  };
  if (isAll) return html`<${EmojiPicker} onPick=${pick} onClose=${close} />`;
  const keys = (event) => {
    const buttons = [...row.current.querySelectorAll("button")];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  };
  return html`<div class="quick" ref=${row} onKeyDown=${keys}>
    ${QUICK.map((emoji) => html`<button type="button" aria-label=${emojiName(emoji)} onClick=${() => pick(emoji)}>${emoji}</button>`)}
    <button type="button" class="icon-button" aria-label="More emojis" onClick=${() => setAll(true)}><${Icon} name="plus" /></button>
  </div>`;
}

function react(message, emoji) {
  const isOn = !(message.reactions?.[emoji] ?? []).includes(account.value.myId);
  return attempt(client.react(message.conversationId, message.seq, emoji, isOn));
}

function Reactions({ message, me, tab }) {
  const entries = Object.entries(message.reactions).filter(([, users]) => users.length);
  return html`<div class="reactions" role="group" aria-label="Reactions">
    ${entries.map(([emoji, users]) => {
      const who = users.slice(0, 12).map((id) => (id === me ? "You" : nameOf(id))).join(", ") + (users.length > 12 ? ` and ${users.length - 12} more` : "");
      return html`<button key=${emoji} type="button" class="reaction" tabindex=${tab} aria-pressed=${String(users.includes(me))} title=${who}
        aria-label=${`${emojiName(emoji)}, ${users.length}: ${who}`} onClick=${() => react(message, emoji)}><span aria-hidden="true">${emoji}</span> ${users.length > 1 && html`<span>${users.length}</span>`}</button>`;
    })}
  </div>`;
}

function Quote({ message, tab }) {
  const { seq, userId, text } = message.replyTo;
  return html`<button type="button" tabindex=${tab} class=${`quote hue-${hueOf(userId)}`} onClick=${() => scrollTo(message.conversationId, seq)}>
    <span class="author">${userId === account.value?.myId ? "You" : nameOf(userId)}</span>
    <span class="quoted" dir="auto">${text || "Attachment"}</span>
  </button>`;
}

function Attachments({ items, tab }) {
  const images = items.filter(isImage);
  const others = items.filter((item) => !isImage(item));
  return html`${images.length > 0 && html`<div class=${classes("images", images.length > 1 && "several")}>${images.map((item) => html`<${Picture} key=${item.id} item=${item} all=${images} tab=${tab} />`)}</div>`}
    ${others.map((item) => html`<${FileCard} key=${item.id} item=${item} tab=${tab} />`)}`;
}

function Picture({ item, all, tab }) {
  const box = useRef();
  const [url, setUrl] = useState(null);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      watcher.disconnect();
      blobOf(item.id).then(setUrl, () => setBroken(true));
    }, { rootMargin: "300px" });
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, [item.id]);
  const ratio = item.width && item.height ? Math.max(0.5, Math.min(2.2, item.width / item.height)) : 4 / 3;
  return html`<button ref=${box} type="button" tabindex=${tab} class="picture" style=${{ aspectRatio: String(ratio) }} aria-label=${`Image ${item.name}, open`} onClick=${() => view(item, all)}>
    ${url && !isBroken ? html`<img src=${url} alt="" onError=${() => setBroken(true)} />` : html`<${Icon} name=${isBroken ? "warning" : "image"} size=${28} />`}
  </button>`;
}

function FileCard({ item, tab }) {
  const [url, setUrl] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const isPlayed = isVideo(item) || isAudio(item);
  const run = async (work) => {
    setBusy(true);
    await attempt(work(), "The file cannot be loaded");
    setBusy(false);
  };
  if (url) return isVideo(item) ? html`<video class="media" src=${url} controls autoplay />` : html`<audio class="media" src=${url} controls autoplay />`;
  return html`<div class="file">
    <span class="file-icon"><${Icon} name="file" /></span>
    <span class="file-text"><span class="file-name" dir="auto">${item.name}</span><span class="muted">${bytes(item.size)}${isBusy ? " · loading…" : ""}</span></span>
    ${isPlayed && html`<button type="button" class="icon-button" tabindex=${tab} aria-label=${`Play ${item.name}`} onClick=${() => run(async () => setUrl(await blobOf(item.id)))}><${Icon} name="play" /></button>`}
    <button type="button" class="icon-button" tabindex=${tab} aria-label=${`Download ${item.name}`} onClick=${() => run(() => save(item))}><${Icon} name="download" /></button>
  </div>`;
}

function mentioned(message, me) {
  return (message.mentions ?? []).map((id) => ({ id, name: nameOf(id), isMe: id === me }));
}

/** The entries of a message's menu. */
export function choices(message) {
  const { conversationId, seq } = message;
  const head = headOf(conversationId).value;
  const isMine = message.userId === account.value?.myId;
  const isGone = Boolean(message.deletedAt);
  if (!seq) return [{ label: "Copy text", icon: "copy", run: () => copy(message.text) }, message.status === "failed" && { label: "Discard", icon: "trash", isDanger: true, run: () => attempt(client.discard(message.msgId)) }];
  const reactHere = () => {
    const row = document.querySelector(`.row[data-seq="${seq}"]`);
    pickReaction(message, row.closest("li"), row.querySelector(".bubble"));
  };
  const isPinned = head?.pins?.includes(seq);
  const mayPin = head?.type !== "group" || head.role !== "member";
  return [
    !isGone && { label: "Reply", icon: "reply", run: () => compose.reply(message) },
    !isGone && { label: "React", icon: "smile", run: reactHere },
    !isGone && message.text && { label: "Copy text", icon: "copy", run: () => copy(message.text) },
    isMine && !isGone && !message.streaming && { label: "Edit", icon: "edit", run: () => compose.edit(message) },
    !isGone && mayPin && { label: isPinned ? "Unpin" : "Pin", icon: "pin", run: () => attempt(isPinned ? client.unpin(conversationId, seq) : client.pin(conversationId, seq)) },
    !isMine && { label: "Mark unread from here", icon: "unread", run: () => attempt(client.markUnread(conversationId, seq)) },
    !isMine && !isGone && { label: "Report", icon: "warning", run: () => report({ conversationId, seq }, "Report message?", `The administrators will see this message of ${nameOf(message.userId)}. What is wrong with it?`) },
    "-",
    { label: "Delete", icon: "trash", isDanger: true, run: () => remove(message, isMine || (head?.type === "group" && head.role !== "member")) },
  ];
}

async function copy(text) {
  if (await attempt(navigator.clipboard.writeText(text), "The browser does not allow copying")) notify("Copied");
}

async function remove(message, mayDeleteForAll) {
  const choicesOf = [{ label: "Delete for me", value: "me" }];
  if (mayDeleteForAll && !message.deletedAt) choicesOf.push({ label: "Delete for everyone", value: "all", isDanger: true });
  const scope = await ask({ title: "Delete message?", text: "Deleted messages cannot be brought back.", choices: choicesOf });
  if (!scope) return;
  if (await attempt(client.deleteMessage(message.conversationId, message.seq, scope))) say("Message deleted");
  compose.focus();
}
