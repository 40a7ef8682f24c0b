/** Until when an offer trades. */

import type { Parsed } from '../../amount/decimal';
import { Field, Segmented } from '../../ui/fields';
import { t } from '../../words';

/** What was chosen: no expiry, some hours from now, or a time of one's own. */
export interface Expiry {
  readonly kind: 'none' | '2h' | '12h' | '1d' | 'own';
  readonly text: string;
}

const HOURS = { '2h': 2, '12h': 12, '1d': 24 } as const;

/** The last second of trading in unix seconds, 0 for no expiry. */
export function readExpiry({ kind, text }: Expiry, now: number): Parsed<number> {
  if (kind === 'none') return { ok: true, value: 0 };
  if (kind !== 'own') return { ok: true, value: now + HOURS[kind] * 3_600 };
  const at = Math.floor(new Date(text).getTime() / 1_000);
  if (!Number.isFinite(at)) return { ok: false, reason: t.expiryField.chooseADayAndA };
  return at > now ? { ok: true, value: at } : { ok: false, reason: t.expiryField.thatIsInThePast };
}

/** The choice. */
export function ExpiryField({
  value,
  onChange,
}: {
  readonly value: Expiry;
  readonly onChange: (value: Expiry) => void;
}) {
  return (
    <div className="field">
      <span className="label">{t.expiryField.tradesUntil}</span>
      <Segmented
        label={t.expiryField.tradesUntil}
        options={[
          ['none', t.expiryField.noExpiry],
          ['2h', '2 h'],
          ['12h', '12 h'],
          ['1d', '1 day'],
          ['own', t.expiryField.ownTime],
        ]}
        value={value.kind}
        onChange={(kind) => onChange({ ...value, kind })}
      />
      {value.kind === 'own' && (
        <Field label={t.expiryField.dayAndTime}>
          {({ 'aria-invalid': _, ...props }) => (
            <div className="input">
              <input
                {...props}
                type="datetime-local"
                value={value.text}
                onChange={(event) => onChange({ ...value, text: event.target.value })}
              />
            </div>
          )}
        </Field>
      )}
    </div>
  );
}
