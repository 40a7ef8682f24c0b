/** What a purchase costs: total, guard, fees, exact; and where the wallet holds less. */

import { formatSol, formatUnits, tokensLabel } from '../../amount/token';
import { WH_PER_KWH } from '../../generated';
import type { Bus, Offer } from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { useMarket } from '../../session';
import { Tokens } from '../../ui/amounts';
import { Segmented } from '../../ui/fields';
import { Worth } from '../../ui/Worth';
import { t } from '../../words';
import { TermsNote } from '../delivery/TermsNote';
import { FundCard } from '../wallet/FundCard';
import { GUARDS, type Guard } from './quote';
import type { Preview } from './usePreview';

/** How much above the quote may be paid. */
export function GuardChoice({ guard, onChange }: { readonly guard: Guard; readonly onChange: (guard: Guard) => void }) {
  return (
    <div className="stack tight">
      <div className="row spread wrap">
        <span className="label">{t.totals.priceGuard}</span>
        <Segmented
          label={t.totals.priceGuard}
          options={GUARDS.map(
            (choice) => [String(choice), choice === 0 ? t.totals.exact : `+${choice / 100}\u00a0%`] as const,
          )}
          value={String(guard)}
          onChange={(choice) => onChange(Number(choice) as Guard)}
        />
      </div>
      <p className="hint">{t.totals.whatThePriceGuardIs}</p>
    </div>
  );
}

/** Says what the wallet lacks for a purchase, and how it gets it. */
export function Shortage({
  balance,
  total,
  bus,
  preview,
}: {
  readonly balance: bigint | undefined;
  readonly total: bigint;
  readonly bus: Bus;
  readonly preview: Preview;
}) {
  const { holdings } = useMarket();
  const isShort = balance !== undefined && balance < total;
  const costs = () => t.totals.yourWalletHoldsThisCosts(tokensLabel(balance ?? 0n, bus), tokensLabel(total, bus));
  // Both are said at once, so that both are got at once.
  const lacks = preview.kind === 'refused' ? preview.lacks : undefined;
  const sol = lacks?.sol ?? (holdings?.lamports === 0n ? t.explain.yourWalletHasNoSol : undefined);
  return <FundCard bus={bus} tokens={isShort ? costs() : lacks?.tokens} sol={sol} />;
}

/** `for 1.50 tokens`, where the node tells what was paid. */
export function PaidFor({
  paid,
  bus,
}: {
  readonly paid: readonly (bigint | undefined)[];
  readonly bus: Pick<Bus, 'decimals' | 'token'>;
}) {
  let total = 0n;
  for (const units of paid) {
    if (units === undefined) return null;
    total += units;
  }
  return <>{t.totals.for(<Tokens units={total} bus={bus} />)}</>;
}

/** A part of an offer that is bought. */
interface Part {
  readonly bus: Bus;
  readonly offer: Offer;
  readonly energyWh: bigint;
}

/** What of a total is for the grid, in base units; a seller is credited its exact part later, of all that it sold. */
export function gridFeeOf(parts: readonly Part[]): bigint {
  return parts.reduce((sum, { offer, energyWh }) => sum + energyWh * offer.gridFeePerKwh, 0n) / WH_PER_KWH;
}

/** Total, guard and fees, exact; and on which terms the parts are bought. */
export function TotalLines({
  total,
  maxTotal,
  energyWh,
  bus,
  preview,
  parts,
}: {
  readonly total: bigint;
  readonly maxTotal: bigint;
  readonly energyWh: bigint;
  readonly bus: Pick<Bus, 'decimals' | 'token' | 'mint'>;
  readonly preview: Preview;
  readonly parts: readonly Part[];
}) {
  const gridFee = gridFeeOf(parts);
  const average = energyWh === 0n ? 0n : (total * 1_000n) / energyWh;
  return (
    <div className="total">
      <div className="row spread grand">
        <span>{t.totals.total}</span>
        <span>
          <Tokens units={total} bus={bus} /> <Worth units={total} bus={bus} />
        </span>
      </div>
      <TermsNote of={parts} />
      <dl className="lines">
        {parts.length > 0 && (
          <div>
            <dt>{t.totals.delivered}</dt>
            <dd>{deliveriesOf(parts)}</dd>
          </div>
        )}
        {gridFee > 0n && (
          <div>
            <dt>{t.totals.ofItGridFee}</dt>
            <dd>
              <Tokens units={gridFee} bus={bus} />
            </dd>
          </div>
        )}
        <div>
          <dt>{t.totals.averagePerKwh}</dt>
          <dd>
            <Tokens units={average} bus={bus} />
          </dd>
        </div>
        <div>
          <dt>{t.totals.neverMoreThan}</dt>
          <dd>
            <Tokens units={maxTotal} bus={bus} />
          </dd>
        </div>
        <div>
          <dt>{t.totals.marketFee}</dt>
          <dd>{t.totals.none}</dd>
        </div>
        <FeeLines preview={preview} account={t.totals.purchaseLane} isLackSaid />
      </dl>
      <Exactly total={total} maxTotal={maxTotal} preview={preview} />
    </div>
  );
}

/** The windows of parts in few words, each once. */
function deliveriesOf(parts: readonly Part[]): string {
  const starts = [...new Map(parts.map(({ bus, offer }) => [`${bus.address} ${offer.windowStart}`, { bus, offer }]))]
    .map(([, part]) => part)
    .toSorted((a, b) => a.offer.windowStart - b.offer.windowStart);
  const said = [...new Set(starts.map(({ bus, offer }) => deliveryTime(bus, offer.windowStart)))];
  return said.length <= WINDOWS_SAID
    ? said.join('; ')
    : `${said.slice(0, WINDOWS_SAID).join('; ')} ${t.totals.andMore(said.length - WINDOWS_SAID)}`;
}

/** Delivery windows that are named before the others are counted. */
const WINDOWS_SAID = 2;

/** The same in the smallest units, for who wants to compare them with what the wallet shows. */
export function Exactly({
  total,
  maxTotal,
  preview,
}: {
  readonly total: bigint;
  readonly maxTotal?: bigint;
  readonly preview: Preview;
}) {
  const lines: readonly (readonly [string, string])[] = [
    [t.totals.total, t.totals.baseUnits(formatUnits(total))],
    ...(maxTotal === undefined ? [] : [[t.totals.neverMoreThan, t.totals.baseUnits(formatUnits(maxTotal))] as const]),
    ...(preview.kind === 'good'
      ? [
          [t.totals.networkFee, t.totals.lamports(formatUnits(preview.fee))] as const,
          [t.totals.rent, t.totals.lamports(formatUnits(preview.rent + preview.positionRent))] as const,
        ]
      : []),
  ];
  return (
    <details className="more exactly">
      <summary>{t.totals.exactly}</summary>
      <dl className="lines">
        {lines.map(([term, said]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd className="number">{said}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** SOL, exact; lamports on hover. */
function Lamports({ units }: { readonly units: bigint }) {
  return (
    <span className="number" title={t.totals.lamports(formatUnits(units))}>
      {formatSol(units)}
    </span>
  );
}

/** Lines of what the network takes, exact, or of why it would be refused; `account` is what has a rent. */
export function FeeLines({
  preview,
  account,
  isLackSaid = false,
}: {
  readonly preview: Preview;
  readonly account: string;
  /** Whether a {@link Shortage} beside it says what the wallet lacks. */
  readonly isLackSaid?: boolean;
}) {
  const isSaid = isLackSaid && preview.kind === 'refused' && preview.lacks !== undefined;
  const isRefused = preview.kind === 'refused' && !isSaid;
  return (
    <>
      <div className={isRefused ? 'refused' : undefined}>
        <dt className={isRefused ? 'visually-hidden' : undefined}>{t.totals.networkFee}</dt>
        <dd>
          {isSaid && <span className="hint">{t.totals.onceNothingIsMissing}</span>}
          {preview.kind === 'none' && <span className="hint">{t.totals.connectAWalletToSee}</span>}
          {preview.kind === 'checking' && <span className="hint">{t.totals.checking}</span>}
          {preview.kind === 'unknown' && <span className="hint">{preview.reason}</span>}
          {preview.kind === 'good' && <Lamports units={preview.fee} />}
          {isRefused && (
            <span className="error-text" role="alert">
              {preview.reason}
            </span>
          )}
        </dd>
      </div>
      {preview.kind === 'good' && preview.rent > 0n && (
        <div>
          <dt>{t.totals.rentOfYourComesBack(account)}</dt>
          <dd>
            <Lamports units={preview.rent} />
          </dd>
        </div>
      )}
      {preview.kind === 'good' && preview.positionRent > 0n && (
        <div>
          <dt>{t.totals.rentOfYourRecord}</dt>
          <dd>
            <Lamports units={preview.positionRent} />
          </dd>
        </div>
      )}
    </>
  );
}
