/** The beginning: the words of the page's language, and then the app, which speaks with them. */

import '@fontsource-variable/inter/wght.css';

import type { Words } from './words/en';
import { language, UNLOADED, type Language } from './words/language';
import { speak } from './words/spoken';

/** Each language is a script of its own, and a page loads one. */
const CATALOGUES: Readonly<Record<Language, () => Promise<Words>>> = {
  en: async () => (await import('./words/en')).en,
  de: async () => (await import('./words/de')).de,
};

document.documentElement.lang = language;

async function begin(): Promise<void> {
  speak(await CATALOGUES[language]());
  await import('./start');
}

begin().catch((error: unknown) => {
  console.error(error);
  const boot = document.querySelector('.boot');
  if (boot !== null) boot.textContent = UNLOADED[language];
});
