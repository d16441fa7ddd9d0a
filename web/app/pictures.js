// The choice of a picture of a person or a group. It is cut to a square of 512 pixels before it is uploaded.
import { client } from "./chat.js";
import { attempt } from "./acts.js";

const SIDE = 512;

/** Asks for a file; returns the id of the uploaded picture, or undefined. */
export async function pickPicture() {
  const file = await choose();
  if (!file) return undefined;
  const picture = await attempt(square(file), "This file is not a picture");
  const attachment = picture && (await attempt(client.upload(picture, { name: "picture.jpg", type: "image/jpeg" })));
  return attachment?.id;
}

function choose() {
  return new Promise((resolve) => {
    const field = document.createElement("input");
    field.type = "file";
    field.accept = "image/png,image/jpeg,image/webp,image/gif,image/avif";
    field.addEventListener("change", () => resolve(field.files[0]));
    field.addEventListener("cancel", () => resolve(undefined));
    field.click();
  });
}

async function square(file) {
  const bitmap = await createImageBitmap(file);
  const side = Math.min(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.min(SIDE, side);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", 0.88));
}
