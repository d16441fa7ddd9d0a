// The bytes of attachments as addresses of this page: the request needs the token, which an <img> cannot send.
import { client } from "./chat.js";

const LIMIT = 150;
const urls = new Map();

/** Returns a promise of a `blob:` address; the newest are kept. */
export function blobOf(id) {
  let found = urls.get(id);
  if (found) urls.delete(id);
  else {
    found = client.download(id).then((response) => response.blob()).then((blob) => URL.createObjectURL(blob));
    found.catch(() => urls.delete(id));
  }
  urls.set(id, found);
  if (urls.size > LIMIT) {
    const [oldest, url] = urls.entries().next().value;
    urls.delete(oldest);
    url.then(URL.revokeObjectURL, () => undefined);
  }
  return found;
}

/** Forgets the bytes of a user who signs out. */
export function forgetBlobs() {
  for (const url of urls.values()) url.then(URL.revokeObjectURL, () => undefined);
  urls.clear();
}

/** Saves an attachment as a file. */
export async function save({ id, name }) {
  const link = document.createElement("a");
  link.href = await blobOf(id);
  link.download = name;
  link.click();
}

const SHOWN = /^image\/(?:png|jpeg|gif|webp|avif)$/u;
export const isImage = ({ type }) => SHOWN.test(type);
export const isVideo = ({ type }) => /^video\/(?:mp4|webm|ogg|quicktime)$/u.test(type);
export const isAudio = ({ type }) => /^audio\//u.test(type);
