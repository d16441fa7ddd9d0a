// The members of groups. They are read on demand, and again when they change.
import { client, personOf } from "./chat.js";
import { signal } from "./ui.js";

const MOST = 500;
const lists = new Map();

/** The members of a conversation that are read so far: owners and admins first, then by name. */
export function membersOf(id) {
  let found = lists.get(id);
  if (!found) {
    found = signal([]);
    lists.set(id, found);
    void readMembers(id);
  }
  return found;
}

const RANKS = { owner: 0, admin: 1, member: 2 };

async function readMembers(id) {
  const list = lists.get(id);
  if (!list) return;
  const all = [];
  let cursor;
  try {
    do {
      const page = await client.members(id, { limit: 200, cursor });
      all.push(...page.members);
      cursor = page.cursor;
    } while (cursor && all.length < MOST);
  } catch {
    return;
  }
  for (const { userId, fullName, avatar } of all) {
    const known = personOf(userId);
    if (!known.peek()) known.value = { _id: userId, fullName, ...(avatar && { avatar }) };
  }
  list.value = all.sort((one, other) => RANKS[one.role] - RANKS[other.role] || one.fullName.localeCompare(other.fullName));
}

client.on("members", ({ conversationId }) => void readMembers(conversationId));
client.on("state", ({ state }) => state === "signed_out" && lists.clear());
