/** The words of the page's language. */

import type { Words } from './en';
import { words } from './spoken';

/** The words of the page's language. */
export const t: Words = words();
