// The text of a message for the list, for notifications, and for screen readers.
import { account, client, nameOf, personOf } from "./chat.js";

/** The text of a message; of a system message one such as "Ann added Bob". */
export const wordsOf = (message) => (message.type === "system" ? systemText(message) : message.text || "Attachment");

/** The same with the name of the author, after the names in it are read. */
export async function lineOf(message) {
  const others = [message.userId, ...(message.system?.userIds ?? [])].filter((id) => id !== account.value?.myId);
  for (const id of others) personOf(id); // its signal is set before the wait below ends
  await Promise.all(others.map((id) => client.person(id).catch(() => undefined)));
  return message.type === "system" ? systemText(message) : `${nameOf(message.userId)}: ${wordsOf(message)}`;
}

function systemText({ system = {}, userId, text }) {
  const me = account.value?.myId;
  const actor = userId === me ? "You" : nameOf(userId);
  const others = (system.userIds ?? []).map((id) => (id === me ? "you" : nameOf(id))).join(", ");
  switch (system.kind) {
    case "joined":
      return `${actor} added ${others}`;
    case "left":
      return `${actor} left`;
    case "removed":
      return `${actor} removed ${others}`;
    case "renamed":
      return `${actor} renamed the group to “${system.title}”`;
    default:
      return text || `${actor}: ${String(system.kind ?? "").replaceAll("_", " ")}`;
  }
}
