/** Where one is: the screen and what it shows, from the page's address, as in `#/market/BUS`. */

/** The screens. */
export const SCREENS = ['market', 'sell', 'mine', 'bus', 'verify'] as const;
/** One of {@link SCREENS}. */
export type Screen = (typeof SCREENS)[number];

/** A place in the app; `screen` is `undefined` where the address names none. */
export interface Route {
  readonly screen: Screen | undefined;
  readonly argument: string | undefined;
}

/** Screens that show one thing of many. */
const WITH_ARGUMENT: ReadonlySet<Screen> = new Set(['market', 'sell', 'bus', 'verify']);

/** Reads a page's address, whatever stands there. */
export function parseRoute(hash: string): Route {
  const [first = '', name = '', argument = '', ...rest] = hash.split('/');
  if (name === '' && argument === '' && ['', '#'].includes(first)) return { screen: 'market', argument: undefined };
  const screen = SCREENS.find((candidate) => candidate === name);
  const isKnown = screen !== undefined && rest.length === 0 && (argument === '' || WITH_ARGUMENT.has(screen));
  if (!isKnown) return { screen: undefined, argument: undefined };
  return { screen, argument: argument === '' ? undefined : decoded(argument) };
}

/** Text of a part of an address; the part itself where its escapes make no text. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
