/** Buying an amount at the best price: the chosen offers, the exact total and the guard, before anything is signed. */

import { useMemo, useState } from 'react';

import { U64_MAX } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { formatSol, formatTokens, formatUnits, parsePrice } from '../../amount/token';
import type { Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import {
  AddressLabel,
  Energy,
  EnergyField,
  readEnergy,
  Segmented,
  TextField,
  tokenName,
  Tokens,
  useNow,
  type EnergyInputValue,
} from '../../ui/parts';
import {
  freshBest,
  guarded,
  GUARDS,
  itemsOf,
  planItems,
  quoteBest,
  refusalOf,
  useBalance,
  useBuy,
  usePreview,
  type BestPrice as Want,
  type Guard,
  type Preview,
} from './useBuyer';
import type { Quote } from './router';

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
  const buy = useBuy();
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
  const maxTotal = quote === undefined ? 0n : guarded(quote.totalCost, guard);
  const key =
    quote === undefined
      ? ''
      : quote.fills.map(({ offer, energyWh, cost }) => `${offer.offer}:${energyWh}:${cost}`).join(' ') + maxTotal;
  const preview = usePreview(
    key,
    quote === undefined || wallet === undefined ? undefined : () => planItems(wallet, itemsOf(state, quote), maxTotal),
  );
  const isShort = quote !== undefined && balance !== undefined && wallet !== undefined && balance < quote.totalCost;

  const onBuy = () => {
    if (want === undefined || quote === undefined || wallet === undefined) return;
    const limited = { ...want, energyWh: quote.energyWh, minEnergyWh: less ? 1n : quote.energyWh, maxTotal };
    void action
      .run(async (onStage) => {
        const bought = await buy(() => freshBest(live, limited, wallet), onStage);
        return {
          message: (
            <>
              Bought <Energy wh={bought.energyWh} /> for <Tokens units={bought.paid} bus={bus} />.
            </>
          ),
          hash: bought.hash,
        };
      })
      .then((isDone) => {
        if (isDone) setAmount((before) => ({ ...before, text: '' }));
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
            suffix={tokenName(bus.mint)}
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
          <ChosenOffers quote={quote} bus={bus} />
          <GuardChoice guard={guard} onChange={setGuard} />
          <Total quote={quote} bus={bus} maxTotal={maxTotal} preview={preview} />
          {isShort && (
            <p className="error-text" role="alert">
              Your wallet holds {formatTokens(balance, bus.decimals)} {tokenName(bus.mint)}; this costs{' '}
              {formatTokens(quote.totalCost, bus.decimals)}.
            </p>
          )}
        </>
      )}
      <WalletButton busy={action.isRunning} disabled={quote === undefined || isShort || preview.kind === 'refused'}>
        {quote === undefined ? 'Buy' : `Buy ${formatEnergy(quote.energyWh)}`}
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

function ChosenOffers({ quote, bus }: { readonly quote: Quote; readonly bus: Bus }) {
  return (
    <table className="plain" aria-label="Chosen offers">
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col" className="end">
            Energy
          </th>
          <th scope="col" className="end">
            per kWh
          </th>
          <th scope="col" className="end">
            Cost
          </th>
        </tr>
      </thead>
      <tbody>
        {quote.fills.map(({ offer, energyWh, cost }) => (
          <tr key={offer.offer}>
            <td>
              <AddressLabel address={offer.seller} />
            </td>
            <td className="end number">{formatEnergy(energyWh)}</td>
            <td className="end number">{formatTokens(offer.pricePerKwh, bus.decimals)}</td>
            <td className="end number">{formatTokens(cost, bus.decimals)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Total({
  quote,
  bus,
  maxTotal,
  preview,
}: {
  readonly quote: Quote;
  readonly bus: Bus;
  readonly maxTotal: bigint;
  readonly preview: Preview;
}) {
  return (
    <TotalLines total={quote.totalCost} maxTotal={maxTotal} energyWh={quote.energyWh} bus={bus} preview={preview} />
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
  readonly bus: Pick<Bus, 'decimals' | 'mint'>;
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
        <div>
          <dt>Network fee</dt>
          <dd>
            <FeeText preview={preview} />
          </dd>
        </div>
      </dl>
    </div>
  );
}

/** The network fee of what is looked at, or why it would be refused. */
export function FeeText({ preview }: { readonly preview: Preview }) {
  switch (preview.kind) {
    case 'none':
      return <span className="hint">connect a wallet to see it</span>;
    case 'checking':
      return <span className="hint">checking…</span>;
    case 'good':
      return <span className="number">{formatSol(preview.fee)}</span>;
    case 'first':
      return <span className="hint">two signatures: your first purchase opens a lane, with refundable rent</span>;
    case 'refused':
      return (
        <span className="error-text" role="alert">
          {preview.reason}
        </span>
      );
  }
}
