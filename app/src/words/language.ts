/** The language of the page: the one that was chosen, else the browser's where the app speaks it, else English. */

import { storage } from '../state/storage';

/** Languages that the app speaks, and what they call themselves. */
export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
/** One of {@link LANGUAGES}. */
export type Language = keyof typeof LANGUAGES;

/** What the button says that switches to a language: in that language, since its catalogue is not loaded yet. */
export const SWITCH_TO: Readonly<Record<Language, string>> = {
  en: 'Switch to English',
  de: 'Zu Deutsch wechseln',
};

/** What is said where the app's scripts did not arrive. */
export const UNLOADED: Readonly<Record<Language, string>> = {
  en: 'MultiBus did not load. Check your connection, and load the page anew.',
  de: 'MultiBus wurde nicht geladen. Prüfen Sie die Verbindung, und laden Sie die Seite neu.',
};

const KEY = 'multibus:language';

const isLanguage = (text: string | null | undefined): text is Language => text === 'en' || text === 'de';

/** The browser's languages, in the order in which its user prefers them. */
const preferred = (): readonly string[] => (typeof navigator === 'undefined' ? [] : navigator.languages);

/** The language for a choice that was kept, and for what a browser's user prefers. */
export function languageFor(kept: string | null, browser: readonly string[]): Language {
  if (isLanguage(kept)) return kept;
  return browser.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? 'en';
}

/** The page's language; another one is chosen by {@link chooseLanguage}. */
export const language: Language = languageFor(typeof window === 'undefined' ? null : storage.getItem(KEY), preferred());

/** How dates and times are written: as the browser's user does, in the page's language. */
export const locale: string = preferred().find((tag) => tag.slice(0, 2).toLowerCase() === language) ?? language;

/** Signs in numbers: the one before decimals, and the one that may group thousands. */
export interface Signs {
  readonly decimal: string;
  readonly group: string;
}

/** The signs of each language. */
export const SIGNS: Readonly<Record<Language, Signs>> = {
  en: { decimal: '.', group: ',' },
  de: { decimal: ',', group: '.' },
};

/** Chooses a language and draws the page anew. */
export function chooseLanguage(next: Language): void {
  storage.setItem(KEY, next);
  location.reload();
}
