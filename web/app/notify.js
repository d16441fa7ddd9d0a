// Notifications while the page is in the background, and the number of unread conversations in the title and on the icon.
import { account, client, conversations, hasCaughtUp, isLooking, isMuted, nameOf, personOf, settings, titleOf } from "./chat.js";
import { blobOf } from "./files.js";
import { go } from "./route.js";
import { computed, effect, recall, signal } from "./ui.js";
import { lineOf, wordsOf } from "./words.js";

const KEY = "chat:notifications";

export const permission = signal("Notification" in globalThis ? Notification.permission : "unsupported");
export const isWanted = signal(recall(KEY) !== "off");
export const isAllowed = computed(() => permission.value === "granted");

/** Turns notifications on or off. Call it in a gesture of the user, because the browser may ask for the permission. */
export async function want(isOn) {
  isWanted.value = isOn;
  localStorage.setItem(KEY, isOn ? "on" : "off");
  if (isOn && permission.value === "default") permission.value = await Notification.requestPermission();
}

const TEXT = 160;

client.on("message", async ({ message, conversation, isLive }) => {
  // Messages that a lost connection has delayed are notified; messages from before the page was opened are not.
  const isNews = isLive || hasCaughtUp.value;
  if (!isNews || isLooking.value || !isWanted.value || !isAllowed.value || !conversation) return;
  const isMentioned = message.mentions?.includes(account.value?.myId);
  if (isMuted(conversation) && !isMentioned) return;
  const line = await lineOf(message);
  const picture = personOf(message.userId).value?.avatar;
  const isGroup = conversation.type === "group";
  const options = {
    body: (isGroup ? line : wordsOf(message)).slice(0, TEXT),
    tag: conversation.id, // one notification for each conversation
    renotify: true,
    icon: picture ? await blobOf(picture).catch(() => undefined) : "./icons/icon-192.png",
    data: { path: `/c/${conversation.id}` },
    dir: "auto",
  };
  const title = isGroup ? titleOf(conversation) : nameOf(message.userId);
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration?.active) {
    await registration.showNotification(title, options).catch(() => undefined);
    return;
  }
  const shown = new Notification(title, options);
  shown.onclick = () => {
    focus();
    shown.close();
    go(options.data.path);
  };
});

navigator.serviceWorker?.addEventListener("message", ({ data }) => data?.path && go(data.path));

// A message that is read on this page needs no notification any more.
effect(() => {
  if (!isLooking.value) return;
  void navigator.serviceWorker?.getRegistration().then(async (registration) => {
    for (const shown of (await registration?.getNotifications?.()) ?? []) shown.close();
  });
});

effect(() => {
  const count = account.value ? conversations.value.filter((head) => !isMuted(head) && (head.unread > 0 || head.unreadFrom)).length : 0;
  document.title = count ? `(${count}) ${settings.name}` : settings.name;
  if (count) navigator.setAppBadge?.(count).catch(() => undefined);
  else navigator.clearAppBadge?.().catch(() => undefined);
});
