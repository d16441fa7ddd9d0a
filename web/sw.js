// Serves the files of the page without a network. With a network, they come from the server, so that a browser that is
// online never runs an old version. Requests of the API are not handled.
const SLOW = 4000; // milliseconds after which the cached file is used
const PARTS = /^(?:$|index\.html$|theme\.css$|manifest\.webmanifest$|settings\.json$|(?:app|client|icons|styles|vendor)\/)/u;
const scope = new URL(self.registration.scope);
const CACHE = `shell ${scope.pathname}`; // an origin may have several chats

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

/** The key of a request for a file of the page in the cache; undefined for other requests. */
function keyOf(request) {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return undefined;
  const path = url.pathname.slice(scope.pathname.length);
  return PARTS.test(path) ? new URL(path === "index.html" ? "" : path, scope).href : undefined;
}

self.addEventListener("fetch", (event) => {
  const key = keyOf(event.request);
  if (key) event.respondWith(answer(event, key));
});

async function answer(event, key) {
  const cache = await caches.open(CACHE);
  const fresh = fetch(key, { cache: "no-cache", credentials: "same-origin" }).then(async (response) => {
    if (response.ok) await cache.put(key, response.clone());
    return response;
  });
  event.waitUntil(fresh.catch(() => undefined));
  const kept = await cache.match(key);
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, SLOW, kept));
  const response = await Promise.race([fresh.catch(() => kept), late]);
  return response.status >= 500 ? kept : response; // from a proxy while the server restarts
}

// The page sends the list of its files. Other cached files belong to an older version.
self.addEventListener("message", (event) => {
  if (Array.isArray(event.data?.shell)) event.waitUntil(keep(event.data.shell));
});

async function keep(urls) {
  const cache = await caches.open(CACHE);
  const wanted = new Set(urls.map((url) => keyOf(new Request(url))).filter(Boolean));
  const held = new Set((await cache.keys()).map(({ url }) => url));
  await Promise.all([...wanted].filter((key) => !held.has(key)).map((key) => cache.add(new Request(key, { cache: "no-cache" })).catch(() => undefined)));
  await Promise.all([...held].filter((key) => !wanted.has(key)).map((key) => cache.delete(key)));
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path ?? "/"));
});

async function open(path) {
  const [page] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!page) return self.clients.openWindow(`${scope.href}#${path}`);
  await page.focus();
  page.postMessage({ path });
}
