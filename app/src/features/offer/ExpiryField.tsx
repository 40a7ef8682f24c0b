/** Until when an offer trades. */

import type { Parsed } from '../../amount/decimal';
import { duration, timeLabel } from '../../amount/time';
import { latestExpiry, type Bus } from '../../market/model';
import { Field, Segmented } from '../../ui/fields';
import { t } from '../../words';

/** What was chosen: as long as it can, some hours from now, or a time of one's own. */
export interface Expiry {
  readonly kind: 'longest' | '2h' | '12h' | '1d' | 'own';
  readonly text: string;
}

const HOURS = { '2h': 2, '12h': 12, '1d': 24 } as const;
/** How far below the horizon the longest expiry stays: the chain's clock may lag behind the app's idea of it. */
const CLOCK_MARGIN_SECONDS = 60;

/** The latest expiry that the app asks for: of a window's gate, or a little less than one horizon ahead. */
export function longestExpiry(bus: Bus, gateClosesAt: number, now: number): number {
  return latestExpiry(bus, gateClosesAt, now - CLOCK_MARGIN_SECONDS);
}

/** The first second in which an offer no longer trades, in unix seconds; nothing is later than `longest`. */
export function readExpiry({ kind, text }: Expiry, now: number, longest: number): Parsed<number> {
  if (kind === 'longest') return { ok: true, value: longest };
  if (kind !== 'own') return { ok: true, value: Math.min(longest, now + HOURS[kind] * 3_600) };
  const at = Math.floor(new Date(text).getTime() / 1_000);
  if (!Number.isFinite(at)) return { ok: false, reason: t.expiryField.chooseADayAndA };
  if (at <= now) return { ok: false, reason: t.expiryField.thatIsInThePast };
  return at > longest ? { ok: false, reason: t.expiryField.atTheLatest(timeLabel(longest)) } : { ok: true, value: at };
}

/** The choice. */
export function ExpiryField({
  value,
  longest,
  onChange,
}: {
  readonly value: Expiry;
  readonly longest: number;
  readonly onChange: (value: Expiry) => void;
}) {
  return (
    <div className="field">
      <span className="label">{t.expiryField.tradesUntil}</span>
      <Segmented
        label={t.expiryField.tradesUntil}
        options={[
          ['longest', t.expiryField.longest],
          ...(['2h', '12h', '1d'] as const).map((kind) => [kind, duration(HOURS[kind] * 3_600)] as const),
          ['own', t.expiryField.ownTime],
        ]}
        value={value.kind}
        onChange={(kind) => onChange({ ...value, kind })}
      />
      {value.kind === 'longest' && <p className="hint">{t.expiryField.until(timeLabel(longest))}</p>}
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
