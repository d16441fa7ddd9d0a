// The place in the client is in the fragment of the address, so that it survives a reload and the back button works.
import { computed, signal } from "./ui.js";

const read = () => {
  try {
    return decodeURIComponent(location.hash.slice(1)) || "/";
  } catch {
    return "/";
  }
};
const path = signal(read());
addEventListener("hashchange", () => (path.value = read()));

/** `{page, id, seq}`: page is list, chat, friends, group, settings, register, verify or reset. */
export const route = computed(() => {
  const [, page = "", id, rest] = path.value.split("/");
  if (page === "c" && /^[0-9a-f]{24}$/u.test(id ?? "")) return { page: "chat", id, seq: /^\d+$/u.test(rest ?? "") ? Number(rest) : undefined };
  return { page: page || "list", id };
});

/** The open conversation, also below a dialog. */
let last;
export const openId = computed(() => {
  const { page, id } = route.value;
  if (page === "chat") last = id;
  else if (page === "list") last = undefined;
  return last;
});

export const here = (target) => `#${target}`;

/** Goes to a place. With `replace`, it replaces the present entry of the history. */
export function go(target, { replace = false } = {}) {
  if (replace) history.replaceState(history.state, "", here(target));
  else history.pushState(history.state, "", here(target));
  path.value = read();
}

export const home = () => go(openId.value ? `/c/${openId.value}` : "/", { replace: true });
