/** Buying an amount at the best price: the chosen offers, the exact total and the guard, before anything is signed. */

import { useMemo, useState } from 'react';

import { U64_MAX } from '../../amount/cost';
import { formatEnergy, plainEnergy } from '../../amount/energy';
import { formatSol, formatTokens, formatUnits, parsePrice } from '../../amount/token';
import type { Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton, type Done } from '../../ui/action';
import {
  AddressLabel,
  Energy,
  EnergyField,
  readEnergy,
  Segmented,
  TextField,
  Tokens,
  useNow,
  type EnergyInputValue,
} from '../../ui/parts';
import { FillTable } from './FillTable';
import type { Outcome, Plan } from './purchase';
import type { Batch } from './router';
import {
  freshBest,
  guarded,
  GUARDS,
  plansOf,
  purchasesOf,
  quoteBest,
  refusalOf,
  tooMany,
  useBalance,
  useBuyAll,
  useFreeLanes,
  usePurchasePreview,
  type BestPrice as Want,
  type Guard,
  type Preview,
} from './useBuyer';

/** Buys an amount on a bus, or on every bus with its token, at the best price. */
export function BestPrice({ bus, windowStart }: { readonly bus: Bus; readonly windowStart: number | undefined }) {
  const { live, wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const [amount, setAmount] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [everywhere, setEverywhere] = useState(false);
  const [guard, setGuard] = useState<Guard>(0);
  const [limitText, setLimitText] = useState('');
  const [less, setLess] = useState(false);
  const action = useAction();
  const buyAll = useBuyAll();
  const lanes = useFreeLanes();
  const balance = useBalance(bus);

  const energy = readEnergy(amount);
  const limit = limitText.trim() === '' ? undefined : parsePrice(limitText, bus.decimals);
  const scopeBus = everywhere ? undefined : bus.address;
  const want = useMemo<Want | undefined>(
    () =>
      !energy.ok || limit?.ok === false
        ? undefined
        : {
            scope: { mint: bus.mint, bus: scopeBus, windowStart },
            energyWh: energy.value,
            minEnergyWh: less ? 1n : energy.value,
            maxPricePerKwh: limit?.ok === true ? limit.value : U64_MAX,
            maxTotal: U64_MAX,
          },
    // Parsed values are new objects at every render; their texts are not.
    [amount.text, amount.unit, limitText, less, scopeBus, windowStart, bus.mint, bus.decimals],
  );
  const quoted = useMemo(
    () => (want === undefined ? undefined : quoteBest(state, want, wallet, now)),
    [want, state.offers, state.buses, wallet, now],
  );
  const quote = quoted?.ok === true ? quoted.quote : undefined;
  const purchases = useMemo(() => (quote === undefined ? [] : purchasesOf(quote, lanes)), [quote, lanes]);
  const excess = tooMany(purchases);
  const maxTotal = quote === undefined ? 0n : guarded(quote.totalCost, guard);
  const key =
    quote === undefined
      ? ''
      : quote.fills.map(({ offer, energyWh, cost }) => `${offer.offer}:${energyWh}:${cost}`).join(' ') +
        `${maxTotal}:${purchases.length}`;
  const preview = usePurchasePreview(
    key,
    quote === undefined || wallet === undefined || excess !== undefined
      ? undefined
      : () => plansOf(state, wallet, purchases, maxTotal),
  );
  const isShort = quote !== undefined && balance !== undefined && wallet !== undefined && balance < quote.totalCost;

  const onBuy = () => {
    if (want === undefined || quote === undefined || wallet === undefined) return;
    const limited = { ...want, energyWh: quote.energyWh, minEnergyWh: less ? 1n : quote.energyWh, maxTotal };
    let left: bigint | undefined;
    void action
      .run(async (onStage) => {
        const { plans, outcomes } = await buyAll(() => freshBest(live, limited, wallet, lanes), onStage);
        const told = tell(plans, outcomes, bus);
        left = told.leftWh;
        return told.done;
      })
      .then(() => {
        // What remains is quoted anew; where the fate of a part is unknown, nobody can say yet how much that is.
        if (left !== undefined) setAmount(({ unit }) => ({ unit, text: left ? plainEnergy(left, unit) : '' }));
      });
  };

  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onBuy();
      }}
    >
      <EnergyField
        label="Buy at the best price"
        value={amount}
        onChange={setAmount}
        hint="Any amount, down to 1 Wh."
        error={
          want !== undefined && quoted?.ok === false && amount.text.trim() !== ''
            ? refusalOf(state, want, quoted)
            : undefined
        }
      />
      <Segmented
        label="Where to buy"
        options={[
          ['here', `On ${bus.name}`],
          ['everywhere', 'On every bus'],
        ]}
        value={everywhere ? 'everywhere' : 'here'}
        onChange={(choice) => setEverywhere(choice === 'everywhere')}
      />
      <details className="more">
        <summary>Limits</summary>
        <div className="stack">
          <TextField
            label="Highest price per kWh"
            value={limitText}
            onChange={setLimitText}
            suffix={bus.token}
            placeholder="any"
            {...(limit === undefined ? {} : { parsed: limit })}
            hint="Offers above it are passed over."
          />
          <label className="check">
            <input type="checkbox" checked={less} onChange={(event) => setLess(event.target.checked)} />
            Take what is there if it is less
          </label>
        </div>
      </details>
      {quote !== undefined && (
        <>
          <ChosenOffers purchases={purchases} bus={bus} />
          {purchases.length > 1 && excess === undefined && (
            <p className="status noted">
              More offers than one transaction holds: {purchases.length} purchases, each all or nothing, signed together
              in one go. You are told what became of each.
            </p>
          )}
          <GuardChoice guard={guard} onChange={setGuard} />
          <TotalLines
            total={quote.totalCost}
            maxTotal={maxTotal}
            energyWh={quote.energyWh}
            bus={bus}
            preview={preview}
          />
          {excess !== undefined && (
            <p className="error-text" role="alert">
              {excess}
            </p>
          )}
          <Shortage balance={balance} total={quote.totalCost} bus={bus} />
        </>
      )}
      <WalletButton
        busy={action.isRunning}
        disabled={quote === undefined || excess !== undefined || isShort || preview.kind === 'refused'}
      >
        {quote === undefined ? 'Buy' : `Buy ${formatEnergy(quote.energyWh)}`}
        {purchases.length > 1 && ` in ${purchases.length} purchases`}
      </WalletButton>
      <ActionStatus action={action} />
    </form>
  );
}

/** How much above the quote may be paid. */
export function GuardChoice({ guard, onChange }: { readonly guard: Guard; readonly onChange: (guard: Guard) => void }) {
  return (
    <div className="row spread">
      <span className="label">Price guard</span>
      <Segmented
        label="Price guard"
        options={GUARDS.map((choice) => [String(choice), choice === 0 ? 'exact' : `+${choice / 100} %`] as const)}
        value={String(guard)}
        onChange={(choice) => onChange(Number(choice) as Guard)}
      />
    </div>
  );
}

function ChosenOffers({ purchases, bus }: { readonly purchases: readonly Batch[]; readonly bus: Bus }) {
  return (
    <FillTable
      label="Chosen offers"
      from="From"
      decimals={bus.decimals}
      groups={purchases.map(({ fills, energyWh, totalCost }, index) => ({
        ...(purchases.length > 1 && {
          title: `Purchase ${index + 1} of ${purchases.length}: ${formatEnergy(energyWh)} for ${formatTokens(totalCost, bus.decimals)}`,
        }),
        rows: fills.map(({ offer, energyWh: wh, cost }) => ({
          key: offer.offer,
          from: <AddressLabel address={offer.seller} />,
          energyWh: wh,
          pricePerKwh: offer.pricePerKwh,
          cost,
        })),
      }))}
    />
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
      Your wallet holds {formatTokens(balance, bus.decimals)} {bus.token}; this costs{' '}
      {formatTokens(total, bus.decimals)}.
    </p>
  );
}

/** What became of purchases that were signed together, and how much of the energy wanted was certainly not bought. */
function tell(
  plans: readonly Plan[],
  outcomes: readonly Outcome[],
  bus: Bus,
): { readonly done: Done; readonly leftWh: bigint | undefined } {
  const [only] = outcomes;
  if (outcomes.length === 1 && only?.kind === 'refused') throw only.refusal;
  if (outcomes.length === 1 && only?.kind === 'unknown') throw only.error;
  const bought = outcomes.flatMap((outcome) => (outcome.kind === 'bought' ? [outcome.purchased] : []));
  const energyOf = (index: number) => plans[index]?.orders.reduce((sum, { energyWh }) => sum + energyWh, 0n) ?? 0n;
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
  const boughtWh = sum(bought.map(({ energyWh }) => energyWh));
  const leftWh = sum(outcomes.map((outcome, index) => (outcome.kind === 'refused' ? energyOf(index) : 0n)));
  const isAll = bought.length === outcomes.length;
  return {
    leftWh,
    done: {
      tone: isAll ? 'done' : 'part',
      hashes: bought.map(({ hash }) => hash),
      message: (
        <>
          Bought <Energy wh={boughtWh} /> <PaidFor paid={bought.map(({ paid }) => paid)} bus={bus} />
          {outcomes.length > 1 && ` in ${isAll ? '' : `${bought.length} of `}${outcomes.length} purchases`}.
          {!isAll && (
            <ul className="outcomes">
              {outcomes.map((outcome, index) =>
                outcome.kind === 'bought' ? null : (
                  <li key={plans[index]?.orders[0]?.offer}>
                    Purchase {index + 1}, {formatEnergy(energyOf(index))}:{' '}
                    {outcome.kind === 'refused' ? outcome.refusal.message : outcome.error.message}
                  </li>
                ),
              )}
            </ul>
          )}
          {leftWh > 0n && <p className="hint">The {formatEnergy(leftWh)} that remain are quoted anew above.</p>}
        </>
      ),
    },
  };
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
  return (
    <>
      for <Tokens units={total} bus={bus} />
    </>
  );
}

/** Total, guard and fees, exact. */
export function TotalLines({
  total,
  maxTotal,
  energyWh,
  bus,
  preview,
}: {
  readonly total: bigint;
  readonly maxTotal: bigint;
  readonly energyWh: bigint;
  readonly bus: Pick<Bus, 'decimals' | 'token'>;
  readonly preview: Preview;
}) {
  const average = energyWh === 0n ? 0n : (total * 1_000n) / energyWh;
  return (
    <div className="total">
      <div className="row spread grand">
        <span>Total</span>
        <Tokens units={total} bus={bus} exact />
      </div>
      <dl className="lines">
        <div>
          <dt>Average per kWh</dt>
          <dd className="number">{formatTokens(average, bus.decimals)}</dd>
        </div>
        <div>
          <dt>Never more than</dt>
          <dd>
            <span className="number">{formatTokens(maxTotal, bus.decimals)}</span>
            <span className="base-units">{formatUnits(maxTotal)} base units</span>
          </dd>
        </div>
        <div>
          <dt>Market fee</dt>
          <dd>none</dd>
        </div>
        <FeeLines preview={preview} account="purchase lane" />
      </dl>
    </div>
  );
}

/** SOL, exact, and in lamports. */
function Lamports({ units }: { readonly units: bigint }) {
  return (
    <>
      <span className="number">{formatSol(units)}</span>
      <span className="base-units">{formatUnits(units)} lamports</span>
    </>
  );
}

/** Lines of what the network takes, exact, or of why it would be refused; `account` is what has a rent. */
export function FeeLines({ preview, account }: { readonly preview: Preview; readonly account: string }) {
  return (
    <>
      <div>
        <dt>Network fee</dt>
        <dd>
          {preview.kind === 'none' && <span className="hint">connect a wallet to see it</span>}
          {preview.kind === 'checking' && <span className="hint">checking…</span>}
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
          <dt>Rent of your {account}, comes back</dt>
          <dd>
            <Lamports units={preview.rent} />
          </dd>
        </div>
      )}
    </>
  );
}
