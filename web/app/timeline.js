// The messages of a conversation: order, days, unread mark, older pages without a jump, windows around old messages.
import { account, client, connection, headOf, isLooking, nameOf, olderOf, timelineOf, typingIn } from "./chat.js";
import { Bubble, choices } from "./bubble.js";
import { attempt, compose, flashed, jump, textOf } from "./acts.js";
import { Icon } from "./icons.js";
import { openMenu } from "./layer.js";
import { day, dayKey } from "./time.js";
import { classes, html, useEffect, useLayoutEffect, useRef, useSignal, useState } from "./ui.js";

const TOGETHER = 5 * 60_000;
const NEAR = 80;
const EARLY = 900; // pixels before the end at which older messages are requested

export function Timeline({ id }) {
  const scroller = useRef();
  const inner = useRef();
  const anchor = useRef(null);
  const [unreadFrom] = useState(() => {
    const head = headOf(id).value;
    if (!head?.unread && !head?.unreadFrom) return undefined;
    return head.unreadFrom ?? (head.readSeq ?? 0) + 1;
  });
  const isAtEnd = useSignal(true);
  const elsewhere = jump.window.value?.id === id ? jump.window.value : null;
  const { messages, isComplete, isLoading, error } = elsewhere ?? timelineOf(id).value;
  const head = headOf(id).value;
  const isGroup = head?.type === "group";

  // The scroller grows upwards (column-reverse), so older pages do not move the visible messages. New messages below
  // would move them: while the reader is not at the end, this keeps the place of the first visible message.
  useLayoutEffect(() => {
    const box = scroller.current;
    const held = anchor.current;
    if (held?.row.isConnected && !isAtEnd.peek()) {
      const moved = held.row.getBoundingClientRect().top - held.top;
      if (Math.abs(moved) > 1) box.scrollTop += moved;
    }
    keep();
  }, [messages]);

  function keep() {
    const box = scroller.current;
    if (!box) return;
    const top = box.getBoundingClientRect().top;
    const all = inner.current.children;
    let from = 0;
    for (let to = all.length; from < to; ) {
      const middle = (from + to) >> 1;
      if (all[middle].getBoundingClientRect().bottom > top + 8) to = middle;
      else from = middle + 1;
    }
    const row = all[from];
    anchor.current = row ? { row, top: row.getBoundingClientRect().top } : null;
  }

  const scrolled = () => {
    const box = scroller.current;
    isAtEnd.value = Math.abs(box.scrollTop) < NEAR && !elsewhere?.hasNewer;
    keep();
    if (box.scrollHeight - box.clientHeight - Math.abs(box.scrollTop) < EARLY) void older();
    if (elsewhere?.hasNewer && Math.abs(box.scrollTop) < EARLY) void jump.newer();
  };
  const older = () => (elsewhere ? jump.older() : olderOf(id));

  // A page that does not fill the screen cannot be scrolled, so the next page is read.
  useEffect(() => {
    const box = scroller.current;
    if (!isComplete && !isLoading && box.scrollHeight <= box.clientHeight + EARLY / 2) void older();
  }, [messages, isComplete, isLoading, connection.value.state]);

  useEffect(() => {
    const seq = flashed.value?.id === id ? flashed.value.seq : undefined;
    if (seq === undefined) return;
    const row = inner.current.querySelector(`[data-seq="${seq}"]`);
    row?.scrollIntoView({ block: "center" });
    row?.closest("li").focus({ preventScroll: true });
  }, [flashed.value, messages]);

  const lastSeq = messages.findLast((message) => message.seq)?.seq ?? 0;
  useEffect(() => {
    if (elsewhere || !lastSeq || !isAtEnd.value || !isLooking.value) return;
    const present = headOf(id).peek();
    if (present && (lastSeq > (present.readSeq ?? 0) || present.unread) && !present.unreadFrom) void attempt(client.markRead(id), null);
  }, [lastSeq, isAtEnd.value, isLooking.value, Boolean(elsewhere)]);

  // A message of the user is always shown.
  const last = messages.at(-1);
  useLayoutEffect(() => {
    if (last && last.userId === account.value?.myId && !last.seq) scroller.current.scrollTop = 0;
  }, [last?.msgId]);

  const toEnd = () => {
    jump.leave();
    scroller.current.scrollTop = 0;
    isAtEnd.value = true;
  };

  const keys = (event) => {
    const row = event.target.closest("li.message");
    if (!row || event.target !== row) return;
    const rows = [...inner.current.querySelectorAll("li.message")];
    const at = rows.indexOf(row);
    const goal = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (goal !== undefined) {
      event.preventDefault();
      if (goal >= rows.length) compose.focus();
      else rows[Math.max(0, goal)].focus();
      return;
    }
    const message = messages.find((each) => keyOf(each) === row.dataset.key);
    if (!message || event.ctrlKey || event.metaKey || event.altKey) return;
    const list = choices(message).filter(Boolean);
    const run = (label) => {
      event.preventDefault();
      list.find((item) => item.label === label)?.run();
    };
    if (event.key === "Enter" || event.key === "ContextMenu") {
      event.preventDefault();
      openMenu(row, list, "Message", row.querySelector(".bubble") ?? row);
    } else if (event.key === "r") run("Reply");
    else if (event.key === "e") run("Edit");
    else if (event.key === "Delete") run("Delete");
    else if (event.key === "+") {
      event.preventDefault();
      row.querySelector(".react")?.click();
    }
  };

  const typing = typingIn(id).value;
  return html`<div class="timeline" ref=${scroller} onScroll=${scrolled}>
    <ol class="messages" ref=${inner} aria-label="Messages" onKeyDown=${keys}>
      ${(isComplete || isLoading) && html`<li key="start" class="start">${isLoading ? html`<span class="spinner" role="status"><span class="visually-hidden">Loading older messages</span></span>` : html`<${Beginning} head=${head} isEmpty=${messages.length === 0} />`}</li>`}
      ${error && !isComplete && !isLoading && html`<li key="error" class="start"><p class="beginning" role="status">${textOf(error)}. <button type="button" class="link" onClick=${() => olderOf(id, { isAsked: true })}>Try again</button></p></li>`}
      ${rows(messages, unreadFrom).map(({ kind, key, message, text, isFirst, isLast, isTabStop }) =>
        kind === "day"
          ? html`<li key=${key} class="day"><span>${text}</span></li>`
          : kind === "unread"
            ? html`<li key=${key} class="unread-mark"><span>New messages</span></li>`
            : html`<${Row} key=${key} id=${key} message=${message} isFirst=${isFirst} isLast=${isLast} isGroup=${isGroup} isTabStop=${isTabStop}
                isFlashed=${flashed.value?.id === id && flashed.value.seq === message.seq} isPinned=${Boolean(head?.pins?.includes(message.seq))} />`,
      )}
      ${typing.length > 0 && !elsewhere && html`<li key="typing" class="typing"><span class="dots" aria-hidden="true"><i /><i /><i /></span><span>${typingText(typing, isGroup)}</span></li>`}
    </ol>
  </div>
  ${(!isAtEnd.value || elsewhere) && html`<button type="button" class="to-end" onClick=${toEnd} aria-label=${head?.unread ? `${head.unread} new messages, go to the newest` : "Go to the newest message"}>
    ${head?.unread > 0 && html`<span class="badge">${head.unread}</span>`}<${Icon} name="down" />
  </button>`}`;
}

/** The key of a row: the sender's key of the message, which stays the same when the message is stored. */
const keyOf = ({ userId, msgId }) => `${userId} ${msgId}`;

function typingText(users, isGroup) {
  const names = users.slice(0, 2).map(nameOf);
  if (!isGroup) return "typing…";
  if (users.length > 2) return `${names[0]} and ${users.length - 1} others are typing…`;
  return users.length === 2 ? `${names[0]} and ${names[1]} are typing…` : `${names[0]} is typing…`;
}

function Beginning({ head, isEmpty }) {
  if (!head) return null;
  const text = head.history === "joined" && head.firstSeq > 1 ? "You see the messages since you joined." : isEmpty ? "No messages yet. Say hello." : "The conversation begins here.";
  return html`<p class="beginning">${text}</p>`;
}

/** The rows of a list of messages: days, the unread mark, and the messages, grouped by sender. */
function rows(messages, unreadFrom) {
  const found = [];
  let before;
  let isMarked = false;
  for (const [index, message] of messages.entries()) {
    const isNewDay = !before || dayKey(before.createdAt) !== dayKey(message.createdAt);
    if (isNewDay) found.push({ kind: "day", key: `day-${dayKey(message.createdAt)}-${keyOf(message)}`, text: day(message.createdAt) });
    const isFirstUnread = !isMarked && unreadFrom !== undefined && message.seq >= unreadFrom;
    if (isFirstUnread) {
      isMarked = true;
      found.push({ kind: "unread", key: "unread" });
    }
    const after = messages[index + 1];
    found.push({
      kind: "message",
      key: keyOf(message),
      message,
      isFirst: isNewDay || isFirstUnread || !together(before, message),
      isLast: !after || !together(message, after) || dayKey(after.createdAt) !== dayKey(message.createdAt),
      isTabStop: !after,
    });
    before = message;
  }
  return found;
}

function together(one, other) {
  return one.userId === other.userId && one.type !== "system" && other.type !== "system" && new Date(other.createdAt) - new Date(one.createdAt) < TOGETHER;
}

/** A row that is drawn again only after a change, because a conversation may have thousands of rows. */
function Row({ id, message, isTabStop, ...more }) {
  const sender = message.type === "system" ? "" : message.userId === account.value?.myId ? "You" : nameOf(message.userId);
  // The Tab key stops at the controls of a message only while the focus is in it: otherwise there were hundreds of stops.
  const [isActive, setActive] = useState(false);
  return html`<li class=${classes("message", message.type === "system" && "of-system")} data-key=${id} tabindex=${isTabStop ? 0 : -1}
    onFocusIn=${() => setActive(true)} onFocusOut=${(event) => setActive(event.currentTarget.contains(event.relatedTarget))}>
    ${sender && html`<span class="visually-hidden">${sender}:</span>`}
    <${Bubble} message=${message} tab=${isActive ? 0 : -1} ...${more} />
  </li>`;
}
