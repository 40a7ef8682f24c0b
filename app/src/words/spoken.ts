/** The catalogue that is spoken: it is loaded before anything else that speaks. */

import type { Words } from './en';

let spoken: Words | undefined;

/** Speaks with these words from now on; called once, before the modules that say something are loaded. */
export function speak(words: Words): void {
  spoken = words;
}

/** The words that are spoken. */
export function words(): Words {
  if (spoken === undefined)
    throw new Error('no catalogue is loaded: call `speak` before a module that speaks is imported');
  return spoken;
}
