/**
 * QR codes of addresses, for the camera of a phone. One size is enough: version 3 with level L holds 53 bytes, and
 * `solana:` with an address has 51 at most. ISO/IEC 18004.
 */

const SIZE = 29;
const DATA_BYTES = 55;
const CHECK_BYTES = 15;
/** The most that a code holds. */
export const MAX_BYTES = 53;
/** x^8 + x^4 + x^3 + x^2 + 1. */
const FIELD = 0x11d;
/** Level L and mask 0, with their check bits and the mask of the standard. */
const FORMAT = 0b111_0111_1100_0100;

function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product & 0x80 ? FIELD : 0);
    if ((b >> bit) & 1) product ^= a;
  }
  return product & 0xff;
}

/** What Reed-Solomon adds to data. */
function checkBytes(data: readonly number[]): readonly number[] {
  let divisor = [1];
  for (let degree = 0, root = 1; degree < CHECK_BYTES; degree += 1, root = multiply(root, 2)) {
    const times = divisor.map((factor) => multiply(factor, root));
    divisor = [...divisor, 0].map((factor, index) => factor ^ (times[index - 1] ?? 0));
  }
  const left = [...data, ...Array.from({ length: CHECK_BYTES }, () => 0)];
  for (let at = 0; at < data.length; at += 1) {
    const lead = left[at] ?? 0;
    for (const [index, factor] of divisor.entries())
      left[at + index] = (left[at + index] ?? 0) ^ multiply(factor, lead);
  }
  return left.slice(data.length);
}

/** Mode, length, text and padding. */
function dataBytes(text: string): readonly number[] {
  const bytes = [...new TextEncoder().encode(text)];
  if (bytes.length > MAX_BYTES) throw new Error(`a code holds ${MAX_BYTES} bytes, and this has ${bytes.length}`);
  const bits = [0b0100, bytes.length, ...bytes]
    .map((value, index) => value.toString(2).padStart(index === 0 ? 4 : 8, '0'))
    .join('')
    .padEnd((bytes.length + 2) * 8, '0');
  const own = Array.from({ length: bits.length / 8 }, (_, at) => Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2));
  return Array.from({ length: DATA_BYTES }, (_, at) => own[at] ?? ((at - own.length) % 2 === 0 ? 0xec : 0x11));
}

/** A code's rows; `true` is dark. */
export function qrCode(text: string): readonly (readonly boolean[])[] {
  const dark = Array.from({ length: SIZE }, () => Array.from({ length: SIZE }, (): boolean | undefined => undefined));
  const set = (row: number, column: number, isDark: boolean) => {
    const line = dark[row];
    if (line !== undefined && column >= 0 && column < SIZE) line[column] = isDark;
  };
  // Three corners with their margins, the mark of alignment, and the lines between the corners.
  for (const [top, left] of [
    [0, 0],
    [0, SIZE - 7],
    [SIZE - 7, 0],
  ] as const) {
    for (let row = -1; row <= 7; row += 1) {
      for (let column = -1; column <= 7; column += 1) {
        const ring = Math.max(Math.abs(row - 3), Math.abs(column - 3));
        set(top + row, left + column, ring !== 2 && ring !== 4);
      }
    }
  }
  for (let at = 8; at < SIZE - 8; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (let row = -2; row <= 2; row += 1) {
    for (let column = -2; column <= 2; column += 1) {
      set(SIZE - 7 + row, SIZE - 7 + column, Math.max(Math.abs(row), Math.abs(column)) !== 1);
    }
  }
  // The format, twice, and the module that is always dark.
  for (let bit = 0; bit < 15; bit += 1) {
    const isDark = ((FORMAT >> bit) & 1) === 1;
    set(bit < 6 ? bit : bit < 8 ? bit + 1 : SIZE - 15 + bit, 8, isDark);
    set(8, bit < 8 ? SIZE - 1 - bit : bit < 9 ? 7 : 14 - bit, isDark);
  }
  set(SIZE - 8, 8, true);
  const data = dataBytes(text);
  const bits = [...data, ...checkBytes(data)].flatMap((byte) =>
    [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1),
  );
  let next = 0;
  // Two columns at a time, from the right, upwards and downwards in turn; the column of the line is left out.
  for (let right = SIZE - 1, isUp = true; right > 0; right -= 2, isUp = !isUp) {
    if (right === 6) right -= 1;
    for (let step = 0; step < SIZE; step += 1) {
      const row = isUp ? SIZE - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (dark[row]?.[column] !== undefined) continue;
        const isOne = bits[next] === 1;
        next += 1;
        set(row, column, isOne !== ((row + column) % 2 === 0));
      }
    }
  }
  return dark.map((row) => row.map((isDark) => isDark === true));
}
