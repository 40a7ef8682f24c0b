/** Text of strangers, such as names on chain, and addresses for reading. */

/** What acts or is not seen: control characters, line ends, default ignorables (they reorder text too), annotations. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]/gu;

/** Scripts in which a joiner between letters is spelling. */
const JOINING =
  /^[\p{scx=Arab}\p{scx=Syrc}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Khmr}]$/u;
const LETTER = /^[\p{L}\p{M}]$/u;
/** What a person's or a family's emoji is joined of. */
const PICTURE = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}]$/u;
const SELECTOR = '\u{fe0f}';
const NON_JOINER = '\u{200c}';
const JOINER = '\u{200d}';

/** Whether a character that is not seen belongs to the writing of its neighbours: a joiner, or an emoji's selector. */
function isSpelling(hidden: string, before: string | undefined, after: string | undefined, earlier?: string): boolean {
  if (before === undefined) return false;
  if (hidden === SELECTOR) return PICTURE.test(before) || (/^[0-9#*]$/u.test(before) && after === '\u{20e3}');
  if (after === undefined || (hidden !== JOINER && hidden !== NON_JOINER)) return false;
  const base = before === SELECTOR ? earlier : before;
  if (hidden === JOINER && base !== undefined && PICTURE.test(base) && PICTURE.test(after)) return true;
  return [before, after].every((one) => JOINING.test(one) && LETTER.test(one));
}

/**
 * Text in which characters that act or hide are written as what they are, as on the command line: `\u{202e}`. Joiners
 * and selectors are left where scripts and emoji are written with them.
 */
export function visible(text: string): string {
  const all = Array.from(text);
  return all
    .map((one, at) => {
      const isHidden = one.replace(HIDDEN, '') === '';
      return isHidden && !isSpelling(one, all[at - 1], all[at + 1], all[at - 2])
        ? `\\u{${one.codePointAt(0)?.toString(16) ?? ''}}`
        : one;
    })
    .join('');
}

/** First characters and last characters of an address, for reading. */
export function short(address: string): string {
  return address.length <= 11 ? address : `${address.slice(0, 4)}…${address.slice(-4)}`;
}
