/** The form that creates a bus. */

import { useState } from 'react';

import { short } from '../../amount/text';
import { formatBps, formatSol, formatTokens, parseBps, parsePrice } from '../../amount/token';
import { UNNAMED } from '../../chain/mint';
import { isUnreachable, sentence } from '../../errors/explain';
import { LISTINGS, type Listing } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { EnergyField, readEnergy, Select, TextField, type EnergyInputValue } from '../../ui/fields';
import { CloseIcon, PlusIcon } from '../../ui/icons';
import { Card } from '../../ui/parts';
import { t } from '../../words';
import { locale } from '../../words/language';
import { usePreview } from '../purchase/usePreview';
import { FIRST_TERMS, readTerms, TermsFields, type TermsInput } from '../terms/TermsFields';
import { busCreate, busCreateFees, parseAddress, parseName, readMint, type BusConfig, type Mint } from './bus';

const LIST = new Intl.ListFormat(locale);

/** What an empty box that may stay empty says. */
const NONE = { ok: true, value: undefined } as const;

interface OwnerRow {
  readonly key: number;
  readonly wallet: string;
  readonly share: string;
}

/** Choices of a timelock, in seconds. */
export const TIMELOCK_CHOICES = [
  ['0', t.createBus.atOnce],
  ['60', t.createBus.after1Minute],
  ['3600', t.createBus.after1Hour],
  ['86400', t.createBus.after1Day],
  ['604800', t.createBus.after7Days],
] as const;

/** Choices of how far ahead a bus trades, in seconds; it never changes. */
const HORIZON_CHOICES = [
  ['86400', t.createBus.oneDay],
  ['604800', t.createBus.sevenDays],
  ['2592000', t.createBus.thirtyDays],
  ['31536000', t.createBus.oneYear],
] as const;

/** The form. */
export function CreateBus() {
  const { live, wallet, signer } = useSession();
  const { buses } = useMarket();
  const action = useAction();
  const [name, setName] = useState('');
  const [mintText, setMintText] = useState('');
  const [capacity, setCapacity] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [priceText, setPriceText] = useState('');
  const [owners, setOwners] = useState<readonly OwnerRow[]>([{ key: 0, wallet: '', share: '100' }]);
  const [threshold, setThreshold] = useState<string>();
  const [pauseQuorum, setPauseQuorum] = useState('0');
  const [timelock, setTimelock] = useState<(typeof TIMELOCK_CHOICES)[number][0]>('0');
  const [listing, setListing] = useState<Listing>('owners');
  const [horizon, setHorizon] = useState<(typeof HORIZON_CHOICES)[number][0]>('604800');
  const [leastSize, setLeastSize] = useState<EnergyInputValue>({ text: '1', unit: 'Wh' });
  const [reserveText, setReserveText] = useState('');
  const [operatorText, setOperatorText] = useState('');
  const [terms, setTerms] = useState<TermsInput>(FIRST_TERMS);
  const [recipientText, setRecipientText] = useState('');
  const [lockFee, setLockFee] = useState('0');
  const mint = useMint(mintText);

  // The creator is an owner: the first row is the wallet's until it is changed.
  const rows = owners.map((row, index) =>
    index === 0 && row.wallet === '' && wallet !== undefined ? { ...row, wallet } : row,
  );
  const parsedName = parseName(name);
  const parsedCapacity = readEnergy(capacity);
  const decimals = mint.kind === 'known' ? mint.mint.decimals : 6;
  const price = parsePrice(priceText, decimals);
  const fee = parseBps(lockFee);
  const parsedLeast = readEnergy(leastSize);
  const reserve = reserveText.trim() === '' ? NONE : parsePrice(reserveText, decimals);
  const operator = operatorText.trim() === '' ? NONE : parseAddress(operatorText);
  const recipient = recipientText.trim() === '' ? NONE : parseAddress(recipientText);
  const parsedTerms = readTerms(terms, decimals, operator.ok && operator.value !== undefined);
  const parsedOwners = rows.map((row) => ({ row, wallet: parseAddress(row.wallet), share: parseBps(row.share) }));
  const sum = parsedOwners.reduce((total, { share }) => total + (share.ok ? share.value : 0), 0);
  const wallets = parsedOwners.flatMap((owner) => (owner.wallet.ok ? [owner.wallet.value] : []));
  const problems = [
    parsedOwners.some((owner) => !owner.wallet.ok || !owner.share.ok) && t.createBus.everyOwnerNeedsAnAddress,
    new Set(wallets).size !== wallets.length && t.createBus.theSameOwnerIsIn,
    wallet !== undefined && !wallets.includes(wallet) && t.createBus.youMustBeOneOf,
    sum !== 10_000 && t.createBus.theSharesMakeTheyMust(formatBps(sum)),
    fee.ok && fee.value > 500 && t.createBus.theLockFeeCanBe,
    !parsedTerms.ok && parsedTerms.reason,
    parsedTerms.ok &&
      parsedTerms.value.windowSeconds + parsedTerms.value.gateClosureSeconds >= Number(horizon) &&
      t.createBus.theHorizonIsTooShort,
    parsedLeast.ok &&
      parsedCapacity.ok &&
      parsedLeast.value > parsedCapacity.value &&
      t.createBus.theLeastSizeIsAboveTheCapacity,
  ].filter((problem): problem is string => typeof problem === 'string');
  const ready =
    parsedName.ok &&
    parsedCapacity.ok &&
    price.ok &&
    fee.ok &&
    parsedLeast.ok &&
    reserve.ok &&
    operator.ok &&
    recipient.ok &&
    parsedTerms.ok &&
    mint.kind === 'known' &&
    problems.length === 0;
  const count = rows.length;
  const numbers = Array.from({ length: count }, (_, index) => String(index + 1));
  // More than half of the owners, until somebody chooses: none of them decides alone.
  const thresholdValue = String(Math.min(Number(threshold ?? Math.floor(count / 2) + 1), count));
  const known = [...new Map([...buses.values()].map((bus) => [bus.mint, bus])).values()];

  const setRow = (key: number, change: Partial<OwnerRow>) =>
    setOwners(rows.map((row) => (row.key === key ? { ...row, ...change } : row)));

  const config: BusConfig | undefined = !ready
    ? undefined
    : {
        name: parsedName.value,
        owners: parsedOwners.flatMap((owner) =>
          owner.wallet.ok && owner.share.ok ? [{ wallet: owner.wallet.value, shareBps: owner.share.value }] : [],
        ),
        threshold: Number(thresholdValue),
        pauseQuorum: Number(pauseQuorum),
        listing,
        lockFeeBps: fee.value,
        timelockSeconds: Number(timelock),
        terms: parsedTerms.value,
        horizonSeconds: Number(horizon),
        capacityWh: parsedCapacity.value,
        basePricePerKwh: price.value,
        reservePricePerKwh: reserve.value ?? 0n,
        leastWh: parsedLeast.value,
        operator: operator.value,
        gridRecipient: recipient.value,
      };

  const preview = usePreview(
    JSON.stringify(config, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) + mintText,
    config === undefined || mint.kind !== 'known'
      ? undefined
      : (creator) => busCreateFees(live, creator, mint.mint, config),
  );
  const missing = [
    !parsedName.ok && t.createBus.name,
    mint.kind !== 'known' && t.createBus.settlementTokenMint,
    !parsedCapacity.ok && t.createBus.capacity,
    !price.ok && t.createBus.basePricePerKwh,
  ].filter((name): name is string => typeof name === 'string');

  const onCreate = () => {
    if (config === undefined || signer === undefined || mint.kind !== 'known' || !parsedName.ok) return;
    void action.run(async (onStage) => {
      const bus = await busCreate(live, signer, mint.mint, config, onStage);
      // Whoever presses once more would make a second one of the same name.
      setName('');
      return {
        message: (
          <>
            {t.createBus.isThereOr(
              parsedName.value,
              <a href={`#/bus/${bus}`}>{t.createBus.openIt}</a>,
              <a href={`#/sell/${bus}`}>{t.createBus.putEnergyOnOffer}</a>,
            )}
          </>
        ),
      };
    });
  };

  return (
    <Card title={t.createBus.createABus}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onCreate();
        }}
      >
        <div className="form-grid">
          <TextField
            label={t.createBus.name}
            value={name}
            onChange={setName}
            parsed={parsedName}
            inputMode="text"
            hint={t.createBus.whatNeighboursCallIt}
          />
          <EnergyField
            label={terms.windowSeconds === '0' ? t.createBus.capacity : t.createBus.capacityPerWindow}
            value={capacity}
            onChange={setCapacity}
            hint={t.createBus.energyThatMayBeOn}
          />
          <div>
            <TextField
              label={t.createBus.settlementTokenMint}
              value={mintText}
              onChange={setMintText}
              inputMode="text"
              hint={
                mint.kind === 'known'
                  ? t.createBus.decimals(
                      mint.mint.decimals,
                      mint.mint.symbol === undefined ? '' : `, ${mint.mint.symbol}`,
                    )
                  : mint.kind === 'reading'
                    ? t.createBus.lookingItUp
                    : t.createBus.whatBuyersPayInA
              }
              {...(mint.kind === 'refused' ? { parsed: { ok: false, reason: mint.reason } } : {})}
            />
            {known.length > 0 && (
              <div className="filters" role="group" aria-label={t.createBus.tokensOfOtherBuses}>
                {known.slice(0, 3).map((bus) => (
                  <button
                    key={bus.mint}
                    type="button"
                    className="chip"
                    aria-pressed={mintText === bus.mint}
                    onClick={() => setMintText(bus.mint)}
                  >
                    {bus.token === UNNAMED ? short(bus.mint) : bus.token}{' '}
                    <span className="hint">{t.createBus.as(bus.name)}</span>
                  </button>
                ))}
              </div>
            )}
          </div>
          <TextField
            label={t.createBus.basePricePerKwh}
            value={priceText}
            onChange={setPriceText}
            parsed={price}
            hint={
              price.ok
                ? t.createBus.noOfferAsksLessThan(formatTokens(price.value, decimals))
                : t.createBus.theLowestPriceThatAn
            }
          />
        </div>
        <fieldset>
          <legend>{t.createBus.ownersAndTheirSharesOf}</legend>
          <div className="stack tight">
            {parsedOwners.map(({ row, wallet: owner, share }, index) => (
              <div key={row.key} className="owner-row">
                <TextField
                  label={t.createBus.owner(index + 1)}
                  value={row.wallet}
                  onChange={(text) => setRow(row.key, { wallet: text })}
                  parsed={owner}
                  inputMode="text"
                  hint={row.wallet === wallet ? t.createBus.you : undefined}
                />
                <TextField
                  label={t.createBus.shareOfOwner(index + 1)}
                  value={row.share}
                  onChange={(text) => setRow(row.key, { share: text })}
                  parsed={share}
                  suffix="%"
                />
                <button
                  type="button"
                  className="icon-button"
                  aria-label={t.createBus.removeOwner(index + 1)}
                  disabled={count === 1}
                  onClick={() => setOwners(rows.filter(({ key }) => key !== row.key))}
                >
                  <CloseIcon />
                </button>
              </div>
            ))}
            <div className="row spread">
              <button
                type="button"
                className="button small quiet"
                disabled={count >= 16}
                onClick={() =>
                  setOwners([...rows, { key: Math.max(...rows.map(({ key }) => key)) + 1, wallet: '', share: '' }])
                }
              >
                <PlusIcon size={14} /> {t.createBus.addAnOwner}
              </button>
              <span className={sum === 10_000 ? 'hint' : 'warning-text'}>{t.createBus.sharesMake(formatBps(sum))}</span>
            </div>
          </div>
        </fieldset>
        <div className="form-grid">
          <Select
            label={t.createBus.approvalsThatADecisionNeeds}
            value={thresholdValue}
            options={numbers.map((number) => [number, t.owners.outOf(number, count)])}
            onChange={setThreshold}
          />
          <Select
            label={t.createBus.approvalsThatPausingNeeds}
            value={Number(pauseQuorum) > Number(thresholdValue) ? '0' : pauseQuorum}
            options={[
              ['0', t.createBus.asManyAsAnyDecision],
              ...numbers
                .slice(0, Number(thresholdValue))
                .map((number) => [number, t.owners.outOf(number, count)] as const),
            ]}
            onChange={setPauseQuorum}
          />
          <Select
            label={t.createBus.decisionsTakeEffect}
            value={timelock}
            options={TIMELOCK_CHOICES}
            onChange={setTimelock}
          />
          <TextField
            label={t.createBus.lockFee}
            value={lockFee}
            onChange={setLockFee}
            parsed={fee}
            suffix="%"
            hint={t.createBus.whatHoldingEnergyCostsWhere}
          />
          <TermsFields
            value={terms}
            onChange={setTerms}
            decimals={decimals}
            token={mint.kind === 'known' ? mint.mint.symbol : undefined}
          />
          {terms.gridFee.trim() !== '' && (
            <TextField
              label={t.terms.whoGetsTheGridFee}
              value={recipientText}
              onChange={setRecipientText}
              parsed={recipient}
              inputMode="text"
              placeholder={t.treasury.theTreasury}
              hint={t.proposals.whatTheGridRecipientIs}
            />
          )}
          <Select
            label={t.createBus.whoMayListEnergy}
            value={listing}
            options={LISTINGS.map((policy) => [policy, t.listings[policy]])}
            onChange={setListing}
          />
          <Select
            label={t.createBus.horizon}
            value={horizon}
            options={HORIZON_CHOICES}
            onChange={setHorizon}
            hint={t.createBus.horizonNeverChanges}
          />
          <EnergyField
            label={t.createBus.leastSize}
            value={leastSize}
            onChange={setLeastSize}
            hint={t.createBus.whatLeastSizeIs}
          />
          <TextField
            label={t.createBus.reservePrice}
            value={reserveText}
            onChange={setReserveText}
            parsed={reserve}
            placeholder={t.createBus.asTheBasePrice}
            hint={t.createBus.whatReservePriceIs}
          />
          <TextField
            label={t.createBus.operator}
            value={operatorText}
            onChange={setOperatorText}
            parsed={operator}
            inputMode="text"
            placeholder={t.createBus.nobody}
            hint={t.createBus.whatTheOperatorDoes}
          />
        </div>
        {problems.length > 0 && wallets.length > 0 && (
          <ul className="problems">
            {problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        )}
        {missing.length > 0 && action.state.kind === 'idle' && (
          <p className="hint">{t.createBus.stillMissing(LIST.format(missing))}</p>
        )}
        {preview.kind === 'good' && (
          <p className="hint">{t.createBus.costs(formatSol(preview.fee), formatSol(preview.rent))}</p>
        )}
        {preview.kind === 'refused' && (
          <p className="error-text" role="alert">
            {preview.reason}
          </p>
        )}
        <WalletButton busy={action.isRunning} disabled={!ready}>
          {t.createBus.createTheBus}
        </WalletButton>
        <ActionStatus action={action} />
      </form>
    </Card>
  );
}

type MintState =
  | { readonly kind: 'none' }
  | { readonly kind: 'reading' }
  | { readonly kind: 'known'; readonly mint: Mint }
  | { readonly kind: 'refused'; readonly reason: string };

function useMint(text: string): MintState {
  const { live } = useSession();
  const parsed = parseAddress(text);
  const mint = parsed.ok ? parsed.value : undefined;
  const answer = useAnswer(live, mint, async () => (mint === undefined ? undefined : readMint(live.connection, mint)), {
    isPassing: isUnreachable,
  });
  if (!parsed.ok) return text.trim() === '' ? { kind: 'none' } : { kind: 'refused', reason: parsed.reason };
  if (answer.kind === 'failed') return { kind: 'refused', reason: sentence(answer.error) };
  return answer.kind === 'answered' && answer.value !== undefined
    ? { kind: 'known', mint: answer.value }
    : { kind: 'reading' };
}
