// The composer of messages: text with drafts, replies, edits, mentions, emojis, and files.
import { account, client, headOf, nameOf } from "./chat.js";
import { attempt, compose, composing, jump, textOf } from "./acts.js";
import { EmojiPicker } from "./emoji.js";
import { isImage, keepBlob } from "./files.js";
import { Icon } from "./icons.js";
import { membersOf } from "./members.js";
import { notify, openPopup, say } from "./layer.js";
import { bytes } from "./time.js";
import { classes, debounced, html, isTouch, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./ui.js";

const FILES = 10;
const TEXT = 8000;
const DRAFT = 400; // milliseconds without a key after which the draft is stored

export function Composer({ id }) {
  const field = useRef();
  const picker = useRef();
  const [text, setText] = useState(() => headOf(id).peek()?.draft?.text ?? "");
  const [files, setFiles] = useState([]);
  const [mention, setMention] = useState(null);
  const chosen = useRef(new Map());
  const kept = useRef("");
  const keep = useMemo(() => debounced((draft, seq) => client.setDraft(id, draft, seq), DRAFT), [id]);
  const { replyTo, edited } = composing.value.id === id ? composing.value : {};
  const head = headOf(id).value;

  // The draft of another device is shown while the field is empty.
  useEffect(() => {
    if (head?.draft?.text && !text && !edited && document.activeElement !== field.current) setText(head.draft.text);
  }, [head?.draft?.text]);

  useLayoutEffect(() => {
    if (isTouch()) document.getElementById("stage")?.focus({ preventScroll: true });
    else field.current?.focus({ preventScroll: true });
  }, []);

  useEffect(() => {
    const replied = client.messages(id).find(({ seq }) => seq && seq === head?.draft?.replyTo);
    if (replied) compose.reply(replied);
    addEventListener("pagehide", keep.flush);
    return () => {
      removeEventListener("pagehide", keep.flush);
      keep.flush();
      compose.stop();
    };
  }, []);

  useLayoutEffect(() => {
    if (edited) {
      kept.current = text;
      setText(edited.text);
      say("Editing the message");
    }
    if (edited || replyTo) {
      field.current.focus();
      if (edited) field.current.value = edited.text;
      field.current.setSelectionRange(field.current.value.length, field.current.value.length);
    }
  }, [edited, replyTo]);

  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 200)}px`;
  }, [text]);

  const stop = () => {
    if (edited) setText(kept.current);
    else if (replyTo) keep(text);
    compose.stop();
    field.current.focus();
  };

  const write = (value) => {
    setText(value);
    if (!edited) {
      keep(value, replyTo?.seq);
      client.typing(id, value.trim() !== "");
    }
    const caret = field.current.selectionStart;
    const word = /(?:^|\s)@([^\s@]{0,40})$/u.exec(value.slice(0, caret));
    setMention(word && head?.type === "group" ? { query: word[1].toLowerCase(), start: caret - word[1].length - 1, at: 0 } : null);
  };

  const found = mention ? membersOf(id).value.filter(({ userId, fullName }) => userId !== account.value?.myId && fullName.toLowerCase().split(/\s+/u).some((part, index, all) => all.slice(index).join(" ").startsWith(mention.query))).slice(0, 6) : [];

  const take = (member) => {
    const caret = field.current.selectionStart;
    const before = `${text.slice(0, mention.start)}@${member.fullName} `;
    chosen.current.set(member.userId, member.fullName);
    setMention(null);
    write(before + text.slice(caret));
    requestAnimationFrame(() => field.current.setSelectionRange(before.length, before.length));
    field.current.focus();
  };

  const insert = (more) => {
    const { selectionStart: start, selectionEnd: end } = field.current;
    write(text.slice(0, start) + more + text.slice(end));
    field.current.focus();
    requestAnimationFrame(() => field.current.setSelectionRange(start + more.length, start + more.length));
  };

  const isUploading = files.some(({ state }) => state === "loading");
  const isReady = edited ? text.trim() !== "" : (text.trim() !== "" || files.some(({ state }) => state === "done")) && !isUploading && !files.some(({ state }) => state === "failed");

  const send = async () => {
    if (!isReady) return;
    if (edited) {
      compose.stop();
      setText(kept.current);
      const work = text === edited.text ? undefined : client.edit(id, edited.seq, text.trim(), { rev: edited.rev ?? 0 });
      if (work) void attempt(work);
      return;
    }
    const mentions = [...chosen.current].filter(([, name]) => text.includes(`@${name}`)).map(([userId]) => userId);
    const outgoing = {
      text: text.trim(),
      ...(files.length && { attachments: files.map(({ attachment }) => attachment) }),
      ...(replyTo && { replyTo: replyTo.seq }),
      ...(mentions.length && { mentions }),
    };
    chosen.current.clear();
    setText("");
    for (const { preview } of files) if (preview) URL.revokeObjectURL(preview);
    setFiles([]);
    compose.stop();
    jump.leave();
    client.typing(id, false);
    keep.cancel();
    client.setDraft(id, "");
    field.current.focus();
    await attempt(client.send(id, outgoing));
  };

  const keys = (event) => {
    if (event.isComposing) return;
    if (found.length) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        setMention({ ...mention, at: (mention.at + step + found.length) % found.length });
        return;
      }
      if (event.key === "Enter" || event.key === "Tab") {
        event.preventDefault();
        take(found[mention.at]);
        return;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        setMention(null);
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey && !isTouch()) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape" && (edited || replyTo)) {
      event.preventDefault();
      stop();
    } else if (event.key === "ArrowUp" && text === "") {
      event.preventDefault();
      const own = client.messages(id).findLast((message) => message.userId === account.value?.myId && message.seq && !message.deletedAt && message.type !== "system");
      if (own && !event.shiftKey) compose.edit(own);
    }
  };

  const add = (list) => {
    const chosenFiles = [...list].slice(0, FILES - files.length);
    if (list.length > chosenFiles.length) notify(`A message has at most ${FILES} files`, { kind: "error" });
    for (const file of chosenFiles) void upload(file);
  };
  const upload = async (file, key = crypto.randomUUID?.() ?? String(Math.random())) => {
    const change = (more) => setFiles((held) => held.map((each) => (each.key === key ? { ...each, ...more } : each)));
    const aborting = new AbortController();
    const preview = isImage(file) ? URL.createObjectURL(file) : undefined;
    const entry = { key, file, preview, progress: 0, state: "loading", abort: () => aborting.abort() };
    setFiles((held) => [...held.filter((each) => each.key !== key), entry]);
    try {
      const attachment = await client.upload(file, { onProgress: (progress) => change({ progress }), signal: aborting.signal });
      if (isImage(attachment)) keepBlob(attachment.id, file);
      change({ state: "done", progress: 1, attachment });
      say(`${file.name} is uploaded`);
    } catch (error) {
      if (error.code === "aborted") return;
      change({ state: "failed", error: textOf(error, error.message) });
    }
  };
  const drop = (key) => {
    const entry = files.find((each) => each.key === key);
    entry?.abort();
    if (entry?.preview) URL.revokeObjectURL(entry.preview);
    setFiles(files.filter((each) => each.key !== key));
    field.current.focus();
  };

  useEffect(() => {
    const dropped = (event) => add(event.detail);
    const place = field.current?.closest(".conversation");
    place?.addEventListener("chat:files", dropped);
    return () => place?.removeEventListener("chat:files", dropped);
  });

  const emoji = (event) => openPopup(event.currentTarget, (close) => html`<${EmojiPicker} onClose=${close} onPick=${(picked) => (close(false), insert(picked))} />`, "Emojis");
  return html`<footer class="composer">
    ${(replyTo || edited) && html`<div class="composing">
      <${Icon} name=${edited ? "edit" : "reply"} />
      <span class="composing-text"><b>${edited ? "Edit message" : `Reply to ${replyTo.userId === account.value?.myId ? "yourself" : nameOf(replyTo.userId)}`}</b>
      <span dir="auto">${(edited ?? replyTo).text || "Attachment"}</span></span>
      <button type="button" class="icon-button" aria-label=${edited ? "Stop editing" : "Do not reply"} onClick=${stop}><${Icon} name="close" /></button>
    </div>`}
    ${files.length > 0 && html`<ul class="upload" aria-label="Files">
      ${files.map(
        (each) => html`<li key=${each.key} class=${classes("upload-item", each.state)}>
          ${each.preview ? html`<img src=${each.preview} alt="" />` : html`<span class="file-icon"><${Icon} name="file" /></span>`}
          <span class="file-text"><span class="file-name" dir="auto">${each.file.name}</span>
            <span class="muted">${each.state === "failed" ? each.error : bytes(each.file.size)}</span>
            ${each.state === "loading" && html`<progress max="1" value=${each.progress} aria-label=${`Upload of ${each.file.name}`} />`}</span>
          ${each.state === "failed" && html`<button type="button" class="icon-button small" aria-label=${`Upload ${each.file.name} again`} onClick=${() => upload(each.file, each.key)}><${Icon} name="retry" size=${18} /></button>`}
          <button type="button" class="icon-button small" aria-label=${`Remove ${each.file.name}`} onClick=${() => drop(each.key)}><${Icon} name="close" size=${18} /></button>
        </li>`,
      )}
    </ul>`}
    ${found.length > 0 && html`<ul class="mentions" role="listbox" id="mentions" aria-label="Members">
      ${found.map((member, index) => html`<li key=${member.userId} id=${`mention-${member.userId}`} role="option" aria-selected=${String(index === mention.at)} onPointerDown=${(event) => (event.preventDefault(), take(member))} dir="auto">${member.fullName}</li>`)}
    </ul>`}
    <div class="composer-row">
      <input ref=${picker} type="file" multiple hidden onChange=${(event) => (add(event.target.files), (event.target.value = ""))} />
      <button type="button" class="icon-button" aria-label="Attach files" title="Attach files" disabled=${Boolean(edited)} onClick=${() => picker.current.click()}><${Icon} name="attach" /></button>
      <div class="composer-field">
        <textarea ref=${field} rows="1" dir="auto" maxlength=${TEXT} placeholder="Message" aria-label="Message" enterkeyhint=${isTouch() ? "enter" : "send"}
          aria-autocomplete="list" aria-controls=${found.length ? "mentions" : undefined} aria-activedescendant=${found.length ? `mention-${found[mention.at]?.userId}` : undefined}
          value=${text} onInput=${(event) => write(event.target.value)} onKeyDown=${keys}
          onPaste=${(event) => event.clipboardData.files.length && (event.preventDefault(), add(event.clipboardData.files))} onBlur=${() => setMention(null)} />
        <button type="button" class="icon-button small" aria-label="Emojis" title="Emojis" onClick=${emoji}><${Icon} name="smile" /></button>
      </div>
      <button type="button" class="icon-button send" aria-label=${edited ? "Save" : "Send"} disabled=${!isReady} onClick=${send}><${Icon} name=${edited ? "check" : "send"} /></button>
    </div>
    ${text.length > TEXT - 500 && html`<p class="muted count">${TEXT - text.length} characters left</p>`}
  </footer>`;
}
