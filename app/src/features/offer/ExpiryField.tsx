/** Until when an offer trades. */

import type { Parsed } from '../../amount/decimal';
import { Field, Segmented } from '../../ui/fields';

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
  if (!Number.isFinite(at)) return { ok: false, reason: 'Choose a day and a time.' };
  return at > now ? { ok: true, value: at } : { ok: false, reason: 'That is in the past; choose a later time.' };
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
      <span className="label">Trades until</span>
      <Segmented
        label="Trades until"
        options={[
          ['none', 'No expiry'],
          ['2h', '2 h'],
          ['12h', '12 h'],
          ['1d', '1 day'],
          ['own', 'Own time'],
        ]}
        value={value.kind}
        onChange={(kind) => onChange({ ...value, kind })}
      />
      {value.kind === 'own' && (
        <Field label="Day and time">
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
