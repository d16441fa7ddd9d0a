// An image in full size; arrow keys go through those of its message.
import { attempt, viewed } from "./acts.js";
import { save, useBlob } from "./files.js";
import { Icon } from "./icons.js";
import { useModal } from "./layer.js";
import { html, useRef } from "./ui.js";

export function Viewer() {
  const { item, all } = viewed.value;
  const box = useRef();
  const url = useBlob(item.id);
  const close = () => (viewed.value = null);
  useModal(box);
  const at = all.findIndex(({ id }) => id === item.id);
  const move = (step) => all[at + step] && (viewed.value = { item: all[at + step], all });
  const keys = (event) => {
    if (event.key === "ArrowRight") move(1);
    if (event.key === "ArrowLeft") move(-1);
  };
  return html`<dialog ref=${box} class="viewer" aria-label=${`Image ${item.name}`} onCancel=${close} onKeyDown=${keys} onClick=${(event) => event.target.tagName !== "IMG" && !event.target.closest("button") && close()}>
    ${url ? html`<img src=${url} alt=${item.name} />` : html`<span class="spinner" />`}
    <div class="viewer-bar"><span dir="auto">${item.name}</span>${all.length > 1 && html`<span>${at + 1} / ${all.length}</span>`}
      <button type="button" class="icon-button" aria-label="Download" onClick=${() => attempt(save(item))}><${Icon} name="download" /></button>
      <button type="button" class="icon-button" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></div>
  </dialog>`;
}
