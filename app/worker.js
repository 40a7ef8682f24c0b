/**
 * The service worker: keeps the app's own files on this device, so that it opens without a network, and shows
 * notifications. It touches nothing but these files. The build fills in what they are.
 */

const VERSION = '__VERSION__';
const FILES = __FILES__;
const CACHE = `multibus ${VERSION}`;

self.addEventListener('install', (event) => {
  // A new version waits until all pages of the old one are closed: each page has the scripts that it began with.
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })))),
  );
});

self.addEventListener('activate', (event) => {
  const forget = async () => {
    const names = await caches.keys();
    await Promise.all(
      names.filter((name) => name.startsWith('multibus ') && name !== CACHE).map((name) => caches.delete(name)),
    );
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(self.registration.scope)) return;
  const kept = (what) => caches.open(CACHE).then((cache) => cache.match(what, { ignoreSearch: true }));
  if (request.mode === 'navigate') {
    event.respondWith(fetch(request).catch(async () => (await kept('./index.html')) ?? Response.error()));
    return;
  }
  event.respondWith(kept(request).then((found) => found ?? fetch(request)));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const open = async () => {
    const [page] = await self.clients.matchAll({ type: 'window' });
    const mine = `${self.registration.scope}#/mine`;
    if (page === undefined) return self.clients.openWindow(mine);
    await page.focus();
    return page.navigate(mine);
  };
  event.waitUntil(open());
});
