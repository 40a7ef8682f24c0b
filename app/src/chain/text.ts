/** Text of strangers, such as names on chain, and addresses for reading. */

/** What acts or is not seen: control characters, line ends, default ignorables (they reorder text too), annotations. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]/gu;

/** Text in which characters that act or hide are written as what they are, as on the command line: `\u{202e}`. */
export function visible(text: string): string {
  return text.replaceAll(HIDDEN, (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** First characters and last characters of an address, for reading. */
export function short(address: string): string {
  return address.length <= 11 ? address : `${address.slice(0, 4)}…${address.slice(-4)}`;
}
