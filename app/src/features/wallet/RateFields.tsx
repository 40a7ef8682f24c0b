/** What tokens are worth in a currency of the user's. */

import { useState } from 'react';

import { parseDecimal, plainDecimal } from '../../amount/decimal';
import type { Bus } from '../../market/model';
import { CURRENCIES, RATE_DECIMALS, rates, setCurrency, setRate } from '../../state/rates';
import { useStore } from '../../state/store';
import { Select, TextField } from '../../ui/fields';
import { t } from '../../words';

/** The currency, and a rate for each token of some buses. */
export function RateFields({ buses }: { readonly buses: readonly Bus[] }) {
  const { currency } = useStore(rates);
  return (
    <details className="more">
      <summary>{t.rates.showValues}</summary>
      <div className="stack tight">
        <Select
          label={t.rates.currency}
          value={currency}
          options={CURRENCIES.map((one) => [one, one])}
          onChange={setCurrency}
        />
        {buses.map((bus) => (
          <RateField key={bus.mint} bus={bus} currency={currency} />
        ))}
        <p className="hint">{t.rates.whatARateIs}</p>
      </div>
    </details>
  );
}

function RateField({ bus, currency }: { readonly bus: Bus; readonly currency: string }) {
  const known = useStore(rates).perToken.get(bus.mint);
  const [text, setText] = useState(known === undefined ? '' : plainDecimal(known, RATE_DECIMALS));
  const parsed = parseDecimal(text, { decimals: RATE_DECIMALS, noun: t.rates.aRate, unit: currency });
  return (
    <TextField
      label={t.rates.oneTokenIs(bus.token)}
      value={text}
      suffix={currency}
      parsed={parsed}
      onChange={(next) => {
        setText(next);
        const read = parseDecimal(next, { decimals: RATE_DECIMALS, noun: t.rates.aRate, unit: currency });
        setRate(bus.mint, read.ok && read.value > 0n ? read.value : undefined);
      }}
    />
  );
}
