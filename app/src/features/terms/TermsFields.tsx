/** The terms of delivery windows as owners choose them: when a bus is created, and when they decide on the next ones. */

import { useState } from 'react';

import type { Parsed } from '../../amount/decimal';
import { duration } from '../../amount/time';
import { formatTokens, parseTokens, plainTokens } from '../../amount/token';
import { MAX_GRID_FEE_PER_KWH, MIN_AUCTION_SECONDS } from '../../generated';
import type { Terms } from '../../market/terms';
import { Segmented, Select, TextField } from '../../ui/fields';
import { t } from '../../words';

/** Choices of a delivery window's length, in seconds. */
const WINDOW_CHOICES = [
  ['0', t.createBus.noWindowsDeliversAnyTime],
  ['900', t.createBus.fifteenMinutes],
  ['1800', t.createBus.thirtyMinutes],
  ['3600', t.createBus.oneHour],
  ['86400', t.createBus.oneDay],
] as const;

/** Choices of how long before a window its gate closes, in seconds. */
const GATE_CHOICES = [
  ['0', t.createBus.whenTheWindowStarts],
  ['300', t.createBus.n5MinutesBefore],
  ['900', t.createBus.n15MinutesBefore],
  ['3600', t.createBus.n1HourBefore],
] as const;

/** Choices of how long a reading, and its correction, may take, in seconds. */
const READING_CHOICES = [
  ['3600', t.createBus.oneHour],
  ['21600', t.terms.sixHours],
  ['86400', t.createBus.oneDay],
  ['259200', t.terms.threeDays],
  ['604800', t.createBus.sevenDays],
  ['2592000', t.createBus.thirtyDays],
] as const;

/** Choices of seconds with the present ones among them, in their order. */
export function withPresent(
  choices: readonly (readonly [string, string])[],
  present: string,
  label: (time: string) => string = (time) => time,
): readonly (readonly [string, string])[] {
  if (choices.some(([seconds]) => seconds === present)) return choices;
  const own = [present, label(duration(Number(present)))] as const;
  return [...choices, own].sort(([a], [b]) => Number(a) - Number(b));
}

/** Terms as they stand in their boxes. */
export interface TermsInput {
  readonly windowSeconds: string;
  readonly gate: string;
  readonly settlement: 'purchase' | 'delivery';
  readonly gridFee: string;
  readonly deadline: string;
  readonly correction: string;
  readonly hasAuction: boolean;
}

/** What stands in the boxes first. */
export const FIRST_TERMS: TermsInput = {
  windowSeconds: '0',
  gate: '0',
  settlement: 'purchase',
  gridFee: '',
  deadline: '86400',
  correction: '3600',
  hasAuction: false,
};

/** Terms as boxes show them; what they leave open stands there as at first. */
export function termsInput(terms: ChosenTerms, decimals: number): TermsInput {
  return {
    windowSeconds: String(terms.windowSeconds),
    gate: String(terms.gateClosureSeconds),
    settlement: terms.isOnDelivery ? 'delivery' : 'purchase',
    gridFee: terms.gridFeePerKwh === 0n ? '' : plainTokens(terms.gridFeePerKwh, decimals),
    deadline: terms.isOnDelivery ? String(terms.readingDeadlineSeconds) : FIRST_TERMS.deadline,
    correction: terms.isOnDelivery ? String(terms.correctionSeconds) : FIRST_TERMS.correction,
    hasAuction: terms.hasAuction,
  };
}

/** Terms without their first window, as owners decide on them. */
export type ChosenTerms = Omit<Terms, 'from'>;

/** Reads a grid fee per kWh; an empty box is none. */
export function parseGridFee(text: string, decimals: number): Parsed<bigint> {
  if (text.trim() === '') return { ok: true, value: 0n };
  const parsed = parseTokens(text, decimals, t.terms.aGridFee);
  if (!parsed.ok || parsed.value <= MAX_GRID_FEE_PER_KWH) return parsed;
  return { ok: false, reason: t.terms.theGridFeeIsAtMost(formatTokens(MAX_GRID_FEE_PER_KWH, decimals)) };
}

/** Reads terms; refused with a sentence where no bus can have them. */
export function readTerms(input: TermsInput, decimals: number, hasOperator: boolean): Parsed<ChosenTerms> {
  const fee = parseGridFee(input.gridFee, decimals);
  if (!fee.ok) return fee;
  const hasWindows = input.windowSeconds !== '0';
  const isOnDelivery = input.settlement === 'delivery';
  if (isOnDelivery && !hasWindows) return { ok: false, reason: t.terms.deliveryNeedsWindows };
  if (isOnDelivery && !hasOperator) return { ok: false, reason: t.terms.deliveryNeedsAnOperator };
  if (input.hasAuction && !hasWindows) return { ok: false, reason: t.auction.needsWindows };
  if (input.hasAuction && Number(input.windowSeconds) + Number(input.gate) < MIN_AUCTION_SECONDS) {
    return { ok: false, reason: t.auction.needsTime };
  }
  return {
    ok: true,
    value: {
      hasAuction: input.hasAuction,
      windowSeconds: Number(input.windowSeconds),
      gateClosureSeconds: hasWindows ? Number(input.gate) : 0,
      isOnDelivery,
      gridFeePerKwh: fee.value,
      readingDeadlineSeconds: isOnDelivery ? Number(input.deadline) : 0,
      correctionSeconds: isOnDelivery ? Number(input.correction) : 0,
    },
  };
}

/** The boxes. */
export function TermsFields({
  value,
  onChange,
  decimals,
  token,
}: {
  readonly value: TermsInput;
  readonly onChange: (value: TermsInput) => void;
  readonly decimals: number;
  readonly token: string | undefined;
}) {
  // What a bus has already can be left as it is, also where it is none of the usual choices.
  const [first] = useState(value);
  const set = (change: Partial<TermsInput>) => onChange({ ...value, ...change });
  return (
    <>
      <Select
        label={t.createBus.deliveryWindows}
        value={value.windowSeconds}
        options={withPresent(WINDOW_CHOICES, first.windowSeconds)}
        onChange={(windowSeconds) => set({ windowSeconds })}
      />
      {value.windowSeconds !== '0' && (
        <Select
          label={t.createBus.gateCloses}
          value={value.gate}
          options={withPresent(GATE_CHOICES, first.gate, t.change.before)}
          onChange={(gate) => set({ gate })}
        />
      )}
      <div className="field">
        <label className="check">
          <input
            type="checkbox"
            checked={value.hasAuction}
            onChange={(event) => set({ hasAuction: event.target.checked })}
          />
          {t.auction.closesEachWindow}
        </label>
        <p className="hint">{t.auction.whatTheAuctionIs}</p>
      </div>
      <div className="field">
        <span className="label">{t.terms.whenSellersArePaid}</span>
        <Segmented
          label={t.terms.whenSellersArePaid}
          options={[
            ['purchase', t.terms.onPurchase],
            ['delivery', t.terms.onDelivery],
          ]}
          value={value.settlement}
          onChange={(settlement) => set({ settlement })}
        />
        <p className="hint">{value.settlement === 'delivery' ? t.terms.whatOnDeliveryIs : t.terms.whatOnPurchaseIs}</p>
      </div>
      {value.settlement === 'delivery' && (
        <>
          <Select
            label={t.terms.readingDeadline}
            value={value.deadline}
            options={withPresent(READING_CHOICES, first.deadline)}
            onChange={(deadline) => set({ deadline })}
            hint={t.terms.whatTheDeadlineIs}
          />
          <Select
            label={t.terms.correctionTime}
            value={value.correction}
            options={withPresent(READING_CHOICES, first.correction)}
            onChange={(correction) => set({ correction })}
            hint={t.terms.whatCorrectionIs}
          />
        </>
      )}
      <TextField
        label={t.terms.gridFeePerKwh}
        value={value.gridFee}
        onChange={(gridFee) => set({ gridFee })}
        parsed={parseGridFee(value.gridFee, decimals)}
        placeholder={t.terms.noGridFee}
        {...(token === undefined ? {} : { suffix: token })}
        hint={t.terms.whatTheGridFeeIs}
      />
    </>
  );
}
