/** Selling: put energy on offer for oneself or for the bus, and look after what is on offer. */

import type { Address } from '@solana/kit';
import { useState } from 'react';

import { cost } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { timeLabel } from '../../amount/time';
import { formatSol, formatTokens, tokensLabel } from '../../amount/token';
import { rentOf } from '../../chain/connection';
import { isUnreachable } from '../../errors/explain';
import { getCapacitySize, getOfferSize } from '../../generated';
import { bookFor, mostWh, placeOf } from '../../market/delivery';
import {
  type Book,
  type Bus,
  type Capacity,
  freeWh,
  isOwner,
  listingRefusal,
  lowestPrice,
  type Meter,
  type Offer,
  type Seller,
  type Source,
  SOURCES,
  untradable,
} from '../../market/model';
import { sellerOf } from '../../market/state';
import { deliveryTime, gateClosesAt, readingsAfter, termsAt, upcomingWindows, type Terms } from '../../market/terms';
import { compareAges, compareNames } from '../../order';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy } from '../../ui/amounts';
import { EnergyField, readEnergy, Segmented, Select, TextField, type EnergyInputValue } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { AddressLabel, Card, CopyButton, Empty, NotFound, Reading } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { useRecordRents } from '../delivery/Records';
import { settlementName } from '../delivery/TermsNote';
import { DepthChart } from '../market/charts';
import { powerLabel } from '../meter/meter';
import { FeeLines } from '../purchase/Totals';
import { usePreview } from '../purchase/usePreview';
import { SellerMoneyCard, useSellerRent } from '../seller/SellerMoney';
import { ExpiryField, longestExpiry, readExpiry, type Expiry } from './ExpiryField';
import { offerCreate, offerCreateFees } from './offer';
import { BUS_OFFER_DELAY, checkedPrice, OwnOffers } from './OwnOffers';

/** The screen. */
export function SellScreen({ chosen }: { readonly chosen: string | undefined }) {
  const state = useMarket();
  const { buses, readAt } = state;
  const { wallet, openWallet } = useSession();
  const sellerOn = (bus: Bus) => sellerOf(state, bus.address, wallet);
  const usable = [...buses.values()]
    .filter(
      (bus) =>
        wallet === undefined ||
        bus.address === chosen ||
        listingRefusal(bus, wallet, sellerOn(bus)) === undefined ||
        (!bus.closing && isOwner(bus, wallet)) ||
        sellerOn(bus) !== undefined,
    )
    .sort(
      (a, b) =>
        Number(isOwner(b, wallet)) - Number(isOwner(a, wallet)) || compareNames(a.name, b.name) || compareAges(a, b),
    );
  const bus = chosen === undefined ? usable[0] : usable.find(({ address }) => address === chosen);
  if (chosen !== undefined && readAt !== undefined && !buses.has(chosen as Address)) {
    return <NotFound what={t.sellScreen.thereIsNoBusAt} />;
  }
  return (
    <div className="page split">
      <h1 className="visually-hidden">{t.sellScreen.sell}</h1>
      <Card title={t.sellScreen.putEnergyOnOffer}>
        {wallet === undefined ? (
          <div className="stack">
            <Empty>{t.sellScreen.connectAWalletToSee}</Empty>
            <button type="button" className="button primary" onClick={() => openWallet(true)}>
              {t.sellScreen.connectAWallet}
            </button>
          </div>
        ) : readAt === undefined ? (
          <Reading what={t.sellScreen.whereYouMaySell} />
        ) : bus === undefined ? (
          <Empty>{t.sellScreen.youOwnNoBusAnd(<a href="#/bus/new">{t.sellScreen.createABus}</a>)}</Empty>
        ) : (
          <div className="stack">
            <Select
              label={t.sellScreen.onWhichBus}
              value={bus.address}
              options={usable.map((candidate) => [
                candidate.address,
                `${candidate.name}${isOwner(candidate, wallet) ? t.marketScreen.yours : ''}`,
              ])}
              onChange={(address: Address) => {
                location.hash = `#/sell/${address}`;
              }}
            />
            <SellForm key={bus.address} bus={bus} seller={sellerOn(bus)} />
          </div>
        )}
      </Card>
      <div className="stack">
        <SellerMoneyCard />
        {wallet !== undefined && (
          <Card title={t.sellScreen.whatYouHaveOnOffer}>
            {bus === undefined ? <OwnOffers /> : <OwnOffers bus={bus} />}
          </Card>
        )}
      </div>
    </div>
  );
}

function SellForm({ bus, seller }: { readonly bus: Bus; readonly seller: Seller | undefined }) {
  const { live, signer, wallet } = useSession();
  const { capacities, sellers, meters, books } = useMarket();
  const now = useNow();
  const [amount, setAmount] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [priceText, setPriceText] = useState('');
  const [source, setSource] = useState<Source>('unspecified');
  const [expiry, setExpiry] = useState<Expiry>({ kind: 'longest', text: '' });
  const [forBusChoice, setForBus] = useState(false);
  const [windowChoice, setWindow] = useState<number | undefined>();
  const action = useAction();
  const windows = choices(bus, now);
  const windowStart = windows.find((start) => start === windowChoice) ?? windows[0] ?? 0;
  const capacity = [...capacities.values()].find(
    (candidate) => candidate.bus === bus.address && candidate.windowStart === windowStart,
  );
  const terms = windowStart === 0 ? termsAt(bus, now) : (capacity?.terms ?? termsAt(bus, windowStart));
  const energy = readEnergy(amount);
  const isOwned = isOwner(bus, wallet);
  const forBus = isOwned && forBusChoice;
  const price = checkedPrice(priceText, bus, forBus);
  const isOnDelivery = windowStart !== 0 && terms.isOnDelivery;
  const who = forBus ? sellers.get(bus.seller) : seller;
  const book =
    who === undefined || !isOnDelivery ? undefined : bookFor(books.values(), who.address, terms, windowStart);
  const meter = who?.meter === undefined ? undefined : meters.get(who.meter);
  const limit = isOnDelivery ? deviceLimit(meter, book, terms, windowStart) : undefined;
  const free = availableIn(bus, capacity, windowStart);
  const available = limit === undefined || limit.leftWh > free ? free : limit.leftWh;
  const unmetered = isOnDelivery ? meterRefusal(meter, book, windowStart) : undefined;
  const gate = capacity?.gateClosesAt ?? gateClosesAt(bus, windowStart);
  const longest = longestExpiry(bus, gate, now);
  const until = readExpiry(expiry, now, longest);
  const isTooMuch = energy.ok && energy.value > available;
  const isTooLittle = energy.ok && energy.value < bus.leastWh && energy.value !== available;
  const unlisted = forBus || wallet === undefined ? undefined : listingRefusal(bus, wallet, seller);
  const whyNot = bus.closing
    ? t.model.thisBusIsClosing
    : bus.paused
      ? t.sellScreen.theOwnersHavePausedThis
      : (unlisted ?? unmetered);
  const rents = useRents();
  const recordRent = useRecordRents()?.book ?? 0n;
  const opensBook = isOnDelivery && book === undefined;
  const isFirst = forBus ? !sellers.has(bus.seller) : seller === undefined;
  const revenue = energy.ok && price.ok ? cost(energy.value, price.value) : undefined;

  const isReady = energy.ok && price.ok && until.ok && !isTooMuch && !isTooLittle && whyNot === undefined;
  const listed =
    energy.ok && price.ok && until.ok
      ? {
          energyWh: energy.value,
          pricePerKwh: price.value,
          // On delivery terms it is the device's.
          source: limit?.source ?? source,
          windowStart,
          expiresAt: until.value,
          forBus,
        }
      : undefined;
  const preview = usePreview(
    `${bus.address} ${windowStart} ${forBus} ${energy.ok ? energy.value : ''} ${price.ok ? price.value : ''}`,
    isReady && listed !== undefined ? (lister) => offerCreateFees(live, lister, bus, listed) : undefined,
  );

  const onSell = () => {
    if (signer === undefined || listed === undefined) return;
    void action.run(async (onStage) => {
      await offerCreate(live, signer, bus, listed, onStage);
      setAmount((before) => ({ ...before, text: '' }));
      return {
        message: (
          <>
            {t.sellScreen.onOfferAtPerKwh(<Energy wh={listed.energyWh} />, tokensLabel(listed.pricePerKwh, bus))}{' '}
            {forBus && t.sellScreen.tradesIn(BUS_OFFER_DELAY)}
          </>
        ),
      };
    });
  };

  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onSell();
      }}
    >
      {whyNot !== undefined && (
        <div className="status noted">
          <div className="stack tight">
            <p role="alert">{whyNot}</p>
            {unlisted !== undefined && bus.listing === 'admitted' && !bus.closing && wallet !== undefined && (
              <>
                {bus.operator !== undefined && (
                  <p>
                    {t.sellScreen.theOperatorIs} <AddressLabel address={bus.operator} copy />
                  </p>
                )}
                <p>
                  {t.sellScreen.yourAddressIs} <span className="mono break">{wallet}</span>{' '}
                  <CopyButton text={wallet} label={t.parts.copyTheAddress} />
                </p>
              </>
            )}
          </div>
        </div>
      )}
      {(windows.length > 1 || windowStart !== 0) && (
        <Select
          label={t.sellScreen.deliveryWindow}
          value={String(windowStart)}
          options={windows.map((start) => [String(start), deliveryTime(bus, start)])}
          onChange={(start) => setWindow(Number(start))}
        />
      )}
      <EnergyField
        label={t.sellScreen.energy}
        value={amount}
        onChange={setAmount}
        hint={
          limit === undefined
            ? t.sellScreen.available(formatEnergy(available))
            : t.sellScreen.yourDeviceDelivers(
                formatEnergy(available),
                powerLabel(limit.powerW),
                formatEnergy(limit.mostWh),
              )
        }
        error={
          isTooMuch
            ? limit !== undefined && energy.value <= free
              ? t.sellScreen.yourDeviceCannot(formatEnergy(limit.leftWh), powerLabel(limit.powerW))
              : t.sellScreen.theBusHasAvailableOffer(formatEnergy(available))
            : isTooLittle
              ? t.sellScreen.atLeastTheLeastSize(formatEnergy(bus.leastWh))
              : undefined
        }
      />
      <TextField
        label={t.sellScreen.pricePerKwh}
        value={priceText}
        onChange={setPriceText}
        parsed={price}
        readAs={(units) => tokensLabel(units, bus)}
        suffix={bus.token}
        hint={
          price.ok && terms.gridFeePerKwh > 0n
            ? t.sellScreen.buyersPay(
                tokensLabel(price.value + terms.gridFeePerKwh, bus),
                tokensLabel(terms.gridFeePerKwh, bus),
              )
            : t.sellScreen.atLeast(tokensLabel(lowestPrice(bus, forBus), bus))
        }
      />
      <MarketBeside
        bus={bus}
        windowStart={windowStart}
        price={price.ok ? price.value + terms.gridFeePerKwh : undefined}
      />
      {limit !== undefined ? (
        <p className="row">
          <span className="label">{t.sellScreen.source}</span> <SourceIcon source={limit.source} />{' '}
          {t.sources[limit.source]} <span className="hint">{t.sellScreen.asYourMeterSays}</span>
        </p>
      ) : (
        <div className="field">
          <span className="label">{t.sellScreen.source}</span>
          <div className="filters" role="group" aria-label={t.sellScreen.source}>
            {SOURCES.map((candidate) => (
              <button
                key={candidate}
                type="button"
                className="chip"
                aria-pressed={candidate === source}
                onClick={() => setSource(candidate)}
              >
                <SourceIcon source={candidate} size={14} /> {t.sources[candidate]}
              </button>
            ))}
          </div>
        </div>
      )}
      <ExpiryField value={expiry} longest={longest} onChange={setExpiry} />
      {isOwned && (
        <div className="field">
          <span className="label">{t.sellScreen.whoSells}</span>
          <Segmented
            label={t.sellScreen.whoSells}
            options={[
              ['me', t.sellScreen.youYourWalletIsPaid],
              ['bus', t.sellScreen.theBusItsTreasuryIs],
            ]}
            value={forBus ? 'bus' : 'me'}
            onChange={(who) => setForBus(who === 'bus')}
          />
        </div>
      )}
      {revenue !== undefined && <p className="hint">{t.sellScreen.bringsIfAllIsSold(tokensLabel(revenue, bus))}</p>}
      <p className="hint">
        {t.sellScreen.youArePaid(settlementName(terms))}{' '}
        {isOnDelivery &&
          t.sellScreen.whatOnDeliveryMeans(
            timeLabel(windowStart + readingsAfter(terms) + terms.readingDeadlineSeconds),
          )}
      </p>
      {windowStart !== 0 && terms.hasAuction && <p className="hint">{t.auction.leftGoesIntoIt(timeLabel(gate))}</p>}
      {forBus && <p className="hint">{t.sellScreen.busOffersWait(BUS_OFFER_DELAY)}</p>}
      {rents !== undefined && (
        <p className="hint">
          {t.sellScreen.rent(
            formatSol(
              rents.offer +
                (isFirst ? rents.seller : 0n) +
                (capacity === undefined ? rents.window : 0n) +
                (opensBook ? recordRent : 0n),
            ),
            isFirst ? t.sellScreen.openingTheAccount : '',
          )}{' '}
          {opensBook && t.sellScreen.opensTheBook(formatSol(recordRent))}
        </p>
      )}
      {preview.kind !== 'none' && (
        <dl className="lines">
          <FeeLines preview={preview} account={t.offerDialog.yourOffer} />
        </dl>
      )}
      <WalletButton busy={action.isRunning} disabled={!isReady}>
        {t.sellScreen.putOnOffer}
      </WalletButton>
      <ActionStatus action={action} />
    </form>
  );
}

/** What others ask for energy of the same time, beside the seller's own price; both with the grid fee. */
function MarketBeside({
  bus,
  windowStart,
  price,
}: {
  readonly bus: Bus;
  readonly windowStart: number;
  readonly price: bigint | undefined;
}) {
  const { offers } = useMarket();
  const { wallet } = useSession();
  const now = useNow();
  const others = [...offers.values()].filter(
    (offer) =>
      offer.bus === bus.address &&
      offer.windowStart === windowStart &&
      offer.wallet !== wallet &&
      untradable(offer, bus, now) === undefined,
  );
  if (others.length === 0) return <p className="hint">{t.sellScreen.nobodyElseSells}</p>;
  const prices = others.map(({ fullPricePerKwh }) => fullPricePerKwh);
  const lowest = prices.reduce((a, b) => (a < b ? a : b));
  const highest = prices.reduce((a, b) => (a > b ? a : b));
  const sum = (of: readonly Offer[]) => of.reduce((total, offer) => total + freeWh(offer), 0n);
  const before = price === undefined ? [] : others.filter(({ fullPricePerKwh }) => fullPricePerKwh <= price);
  return (
    <section className="beside" aria-label={t.sellScreen.theMarket}>
      <p className="hint">
        {t.sellScreen.othersAsk(
          formatEnergy(sum(others)),
          formatTokens(lowest, bus.decimals),
          formatTokens(highest, bus.decimals),
          bus.token,
        )}{' '}
        {price !== undefined &&
          (before.length === 0
            ? t.sellScreen.youAreTheCheapest
            : t.sellScreen.soldBeforeYours(formatEnergy(sum(before))))}
      </p>
      <DepthChart offers={others} bus={bus} />
    </section>
  );
}

/** What may still be put on offer in a capacity, or in a window that is not open yet, in Wh. */
function availableIn(bus: Bus, capacity: Capacity | undefined, windowStart: number): bigint {
  if (capacity === undefined) return windowStart === 0 ? 0n : bus.capacityWh;
  // A window that was opened with more counts for no more than the bus has now, or than what is committed in it.
  const { availableWh, committedWh } = capacity;
  const left = bus.capacityWh > committedWh ? bus.capacityWh - committedWh : 0n;
  return availableWh < left ? availableWh : left;
}

/** What accounts of a listing take as rent, in lamports, once the node has told it. */
function useRents(): { readonly offer: bigint; readonly window: bigint; readonly seller: bigint } | undefined {
  const { live } = useSession();
  const seller = useSellerRent();
  const answer = useAnswer(
    live,
    'listing',
    async () => {
      const [offer, window] = await Promise.all([
        rentOf(live.connection, getOfferSize()),
        rentOf(live.connection, getCapacitySize()),
      ]);
      return { offer, window };
    },
    { isPassing: isUnreachable },
  );
  return answer.kind === 'answered' && seller !== undefined ? { ...answer.value, seller } : undefined;
}

/** What of a window's device can still be put on offer. */
interface DeviceLimit {
  readonly source: Source;
  readonly powerW: bigint;
  /** The most that the device delivers in the window. */
  readonly mostWh: bigint;
  /** What of it is not on offer or sold yet. */
  readonly leftWh: bigint;
}

/** What a seller's device can deliver in a window; the device is that of the window's first listing, else the present one. */
export function deviceLimit(
  meter: Pick<Meter, 'powerW' | 'source'> | undefined,
  book: Book | undefined,
  terms: Terms,
  windowStart: number,
): DeviceLimit | undefined {
  const place = book === undefined ? undefined : placeOf(book, windowStart);
  const window = place === undefined ? undefined : book?.windows[place];
  const isListed = window !== undefined && window.state !== 'unused';
  const device = isListed ? book?.devices[window.device] : meter;
  if (device === undefined) return undefined;
  const { powerW, source } = device;
  const most = mostWh(powerW, terms.windowSeconds);
  const listed = isListed ? window.listedWh : 0n;
  return { source, powerW, mostWh: most, leftWh: most > listed ? most - listed : 0n };
}

/** Why a seller's meter does not let it list in a window; `undefined` where it does. */
export function meterRefusal(
  meter: Pick<Meter, 'validFrom'> | undefined,
  book: Book | undefined,
  windowStart: number,
): string | undefined {
  if (meter === undefined) return t.sellScreen.youNeedAMeter;
  const place = book === undefined ? undefined : placeOf(book, windowStart);
  const isListed = place !== undefined && book?.windows[place]?.state !== 'unused';
  return isListed || windowStart >= meter.validFrom
    ? undefined
    : t.sellScreen.theMeterIsValidFrom(timeLabel(meter.validFrom));
}

/** What can be chosen as the time of delivery: windows that still trade, and any time where the bus has no windows now. */
function choices(bus: Bus, now: number): readonly number[] {
  const windows = upcomingWindows(bus, now, 96);
  return termsAt(bus, now).windowSeconds === 0 ? [0, ...windows] : windows;
}
