/** Notifications of the browser about what waits, where the user allows them. */

import { notices } from '../../state/notices';
import { t } from '../../words';

/** Notifications that are shown at once; more are counted in one. */
const AT_ONCE = 3;

/** Whether this browser can show notifications. */
export const canNotify = (): boolean => typeof Notification !== 'undefined';

/** Whether the browser refuses notifications of this page for good. */
export const isRefused = (): boolean => canNotify() && Notification.permission === 'denied';

/** Asks the user whether to be told; returns whether so. */
export async function allowNotices(): Promise<boolean> {
  const isAllowed = canNotify() && (await Notification.requestPermission()) === 'granted';
  notices.update((before) => ({ ...before, isOn: isAllowed }));
  return isAllowed;
}

/** Tells no more. */
export function stopNotices(): void {
  notices.update((before) => ({ ...before, isOn: false }));
}

/** Shows sentences as notifications; `key` replaces an older one of the same. */
export async function notify(sentences: readonly { readonly key: string; readonly text: string }[]): Promise<void> {
  if (!canNotify() || Notification.permission !== 'granted') return;
  const shown =
    sentences.length <= AT_ONCE ? sentences : [{ key: 'several', text: t.waiting.several(sentences.length) }];
  // Browsers of phones show notifications of a service worker alone.
  const registration = 'serviceWorker' in navigator ? await navigator.serviceWorker.getRegistration() : undefined;
  for (const { key, text } of shown) {
    const options = { body: text, tag: key, icon: './icon-192.png' };
    if (registration?.active == null) new Notification(t.claim.waitingForYou, options);
    else await registration.showNotification(t.claim.waitingForYou, options);
  }
}
