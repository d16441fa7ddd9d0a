import { begin, client } from "./chat.js";
import { forgetBlobs } from "./files.js";
import { Layer, notify } from "./layer.js";
import { Shell } from "./shell.js";
import { takeToken } from "./signin.js";
import { html, render } from "./ui.js";
import "./notify.js";

client.on("state", ({ state, reason }) => {
  if (state !== "signed_out") return;
  forgetBlobs();
  if (!reason || ["signed_out", "erased"].includes(reason)) return;
  notify(reason === "banned" ? "This account is banned" : "You were signed out", { kind: "error" });
});
await takeToken();
render(html`<${Shell} />`, document.getElementById("app"));
render(html`<${Layer} />`, document.getElementById("layer"));
try {
  await begin();
} catch (error) {
  notify(`This browser does not keep data for the chat: ${error.message}`, { kind: "error" });
}
void install();

/** Registers the service worker, and sends it the files of this page, which it keeps for a start without a network. */
async function install() {
  if (!navigator.serviceWorker) return;
  const policy = globalThis.trustedTypes?.createPolicy("chat", { createScriptURL: (url) => url });
  const address = policy ? policy.createScriptURL("./sw.js") : "./sw.js";
  try {
    await navigator.serviceWorker.register(address, { updateViaCache: "none" });
    const { active } = await navigator.serviceWorker.ready;
    const used = performance.getEntriesByType("resource").map(({ name }) => name);
    const page = new URL(".", document.baseURI).href;
    active.postMessage({ shell: [page, `${page}settings.json`, `${page}manifest.webmanifest`, ...used] });
  } catch {
    // Without the service worker, the page needs the network to start.
  }
}
