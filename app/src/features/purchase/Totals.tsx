/** What a purchase costs: total, guard, fees, exact; and where the wallet holds less. */

import { formatSol, formatTokens, formatUnits } from '../../amount/token';
import { WH_PER_KWH } from '../../generated';
import type { Bus, Offer } from '../../market/model';
import { Tokens } from '../../ui/amounts';
import { Segmented } from '../../ui/fields';
import { t } from '../../words';
import { TermsNote } from '../delivery/TermsNote';
import { GUARDS, type Guard } from './quote';
import type { Preview } from './usePreview';

/** How much above the quote may be paid. */
export function GuardChoice({ guard, onChange }: { readonly guard: Guard; readonly onChange: (guard: Guard) => void }) {
  return (
    <div className="row spread wrap">
      <span className="label">{t.totals.priceGuard}</span>
      <Segmented
        label={t.totals.priceGuard}
        options={GUARDS.map(
          (choice) => [String(choice), choice === 0 ? t.totals.exact : `+${choice / 100} %`] as const,
        )}
        value={String(guard)}
        onChange={(choice) => onChange(Number(choice) as Guard)}
      />
    </div>
  );
}

/** Says where the wallet holds less than something costs. */
export function Shortage({
  balance,
  total,
  bus,
}: {
  readonly balance: bigint | undefined;
  readonly total: bigint;
  readonly bus: Pick<Bus, 'decimals' | 'token'>;
}) {
  if (balance === undefined || balance >= total) return null;
  return (
    <p className="error-text" role="alert">
      {t.totals.yourWalletHoldsThisCosts(
        formatTokens(balance, bus.decimals),
        bus.token,
        formatTokens(total, bus.decimals),
      )}
    </p>
  );
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
  readonly bus: Pick<Bus, 'decimals' | 'token'>;
  readonly preview: Preview;
  readonly parts: readonly Part[];
}) {
  const gridFee = gridFeeOf(parts);
  const average = energyWh === 0n ? 0n : (total * 1_000n) / energyWh;
  return (
    <div className="total">
      <div className="row spread grand">
        <span>{t.totals.total}</span>
        <Tokens units={total} bus={bus} exact />
      </div>
      <TermsNote of={parts} />
      <dl className="lines">
        {gridFee > 0n && (
          <div>
            <dt>{t.totals.ofItGridFee}</dt>
            <dd className="number">{formatTokens(gridFee, bus.decimals)}</dd>
          </div>
        )}
        <div>
          <dt>{t.totals.averagePerKwh}</dt>
          <dd className="number">{formatTokens(average, bus.decimals)}</dd>
        </div>
        <div>
          <dt>{t.totals.neverMoreThan}</dt>
          <dd>
            <span className="number">{formatTokens(maxTotal, bus.decimals)}</span>
            <span className="base-units">{t.totals.baseUnits(formatUnits(maxTotal))}</span>
          </dd>
        </div>
        <div>
          <dt>{t.totals.marketFee}</dt>
          <dd>{t.totals.none}</dd>
        </div>
        <FeeLines preview={preview} account={t.totals.purchaseLane} />
      </dl>
    </div>
  );
}

/** SOL, exact, and in lamports. */
function Lamports({ units }: { readonly units: bigint }) {
  return (
    <>
      <span className="number">{formatSol(units)}</span>
      <span className="base-units">{t.totals.lamports(formatUnits(units))}</span>
    </>
  );
}

/** Lines of what the network takes, exact, or of why it would be refused; `account` is what has a rent. */
export function FeeLines({ preview, account }: { readonly preview: Preview; readonly account: string }) {
  return (
    <>
      <div>
        <dt>{t.totals.networkFee}</dt>
        <dd>
          {preview.kind === 'none' && <span className="hint">{t.totals.connectAWalletToSee}</span>}
          {preview.kind === 'checking' && <span className="hint">{t.totals.checking}</span>}
          {preview.kind === 'unknown' && <span className="hint">{preview.reason}</span>}
          {preview.kind === 'good' && <Lamports units={preview.fee} />}
          {preview.kind === 'refused' && (
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
