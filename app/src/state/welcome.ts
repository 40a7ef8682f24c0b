/** Whether the user has read what this is; kept in this browser. */

import { storage } from './storage';
import { Store } from './store';

const KEY = 'multibus:welcome';

/** Whether the welcome was read. */
export const isWelcomed = new Store(storage.getItem(KEY) === 'read');

/** Shows the welcome no more. */
export function endWelcome(): void {
  storage.setItem(KEY, 'read');
  isWelcomed.set(true);
}
