/** Money of a currency, for reading: never what is paid. */

import { locale } from '../words/language';

/** Hundredths of a currency as its users write them: `€1.38`. */
export function currencyLabel(hundredths: bigint, currency: string): string {
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency });
  const whole = hundredths / 100n;
  const rest = (hundredths % 100n).toString().padStart(2, '0');
  return format.format(`${whole}.${rest}` as `${number}`);
}
