/** Tables for spreadsheets. */

import { language, SIGNS, type Language } from '../words/language';

/**
 * Rows as a file that a spreadsheet of the page's language opens in columns: where a comma is the sign before decimals,
 * Excel parts cells at semicolons.
 */
export function csvText(rows: readonly (readonly (string | number | bigint)[])[], of: Language = language): string {
  const separator = SIGNS[of].decimal === ',' ? ';' : ',';
  return rows.map((row) => row.map((cell) => quoted(String(cell))).join(separator)).join('\r\n');
}

/** A cell; what a spreadsheet would take for a formula is quoted as text. */
function quoted(cell: string): string {
  const safe = /^[=+\-@\t\r]/u.test(cell) ? `'${cell}` : cell;
  return /[",;\t\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
