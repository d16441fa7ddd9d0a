// The bytes of attachments as addresses of this page: the request needs the token, which an <img> cannot send.
import { client } from "./chat.js";
import { useEffect, useState } from "./ui.js";

const COUNT = 150;
const BYTES = 96_000_000;
const held = new Map();
let total = 0;

const read = async (id) => (await client.download(id)).blob();

/** Returns a promise of a `blob:` address. The newest addresses are kept, up to a number and a size. */
export function blobOf(id) {
  const found = held.get(id) ?? begin(id);
  held.delete(id);
  held.set(id, found);
  return found.url;
}

/** The `blob:` address of an attachment for a view; null until it is loaded. */
export function useBlob(id) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    setUrl(null);
    if (!id) return undefined;
    let isCurrent = true;
    blobOf(id).then((found) => isCurrent && setUrl(found), () => undefined);
    return () => (isCurrent = false);
  }, [id]);
  return url;
}

/** Keeps the bytes of an attachment that this page has uploaded. */
export const keepBlob = (id, blob) => held.set(id, begin(id, Promise.resolve(blob)));

function begin(id, reading = read(id)) {
  const made = { size: 0 };
  made.url = reading.then((blob) => {
    made.size = blob.size;
    total += blob.size;
    trim(id);
    return URL.createObjectURL(blob);
  });
  made.url.catch(() => held.delete(id));
  return made;
}

function trim(newest) {
  for (const [id, { url, size }] of held) {
    if (held.size <= COUNT && total <= BYTES) break;
    if (id === newest) continue;
    held.delete(id);
    total -= size;
    url.then(URL.revokeObjectURL, () => undefined);
  }
}

/** Removes the bytes when the user signs out. */
export function forgetBlobs() {
  for (const { url } of held.values()) url.then(URL.revokeObjectURL, () => undefined);
  held.clear();
  total = 0;
}

/** Saves a blob as a file. */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Saves an attachment as a file. */
export const save = async ({ id, name }) => saveBlob(await read(id), name);

const SHOWN = /^image\/(?:png|jpeg|gif|webp|avif)$/u;
export const isImage = ({ type }) => SHOWN.test(type);
export const isVideo = ({ type }) => /^video\/(?:mp4|webm|ogg|quicktime)$/u.test(type);
export const isAudio = ({ type }) => /^audio\//u.test(type);
