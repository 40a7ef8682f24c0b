/** The words of the page's language. */

import { de } from './de';
import { en, type Words } from './en';
import { language, type Language } from './language';

/** The catalogues. */
export const CATALOGUES: Readonly<Record<Language, Words>> = { en, de };

/** The words of the page's language. */
export const t: Words = CATALOGUES[language];
