import { client, isMuted } from "./chat.js";
import { attempt } from "./acts.js";

const HOUR = 3_600_000;
const FOREVER = "9999-12-31T00:00:00.000Z";

/** The entries of a menu that mute or unmute a conversation. */
export function muteChoices(head) {
  if (!head) return [];
  const mute = (until) => attempt(client.mute(head.id, until));
  if (isMuted(head)) return [{ label: "Unmute", icon: "bell", run: () => mute(null) }];
  const later = (hours) => new Date(Date.now() + hours * HOUR).toISOString();
  return [
    { label: "Mute for 1 hour", icon: "bellOff", run: () => mute(later(1)) },
    { label: "Mute for 1 day", icon: "bellOff", run: () => mute(later(24)) },
    { label: "Mute until I unmute", icon: "bellOff", run: () => mute(FOREVER) },
  ];
}
