/** Offers that the wallet steers or may withdraw: what is left of each, and reprice, set the expiry, withdraw. */

import type { Address } from '@solana/kit';
import { useMemo, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { duration, timeLabel } from '../../amount/time';
import { parsePrice, plainTokens, tokensLabel } from '../../amount/token';
import { BUS_OFFER_DELAY_SECONDS, LOCK_MARGIN_SECONDS } from '../../generated';
import { askFill, askWh, heldBack, outcomeOf, owesAsk, phaseOf } from '../../market/auction';
import {
  freeWh,
  listingRefusal,
  lowestPrice,
  maySteer,
  mayWithdraw,
  soonestLock,
  untradable,
  type Bus,
  type Capacity,
  type Offer,
  type Seller,
} from '../../market/model';
import type { MarketState } from '../../market/state';
import { deliveryTime } from '../../market/terms';
import { compare, compareAges, compareNames } from '../../order';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { AddressLabel, Empty, Reading } from '../../ui/parts';
import { useShown } from '../../ui/shown';
import { Countdown, useNow } from '../../ui/time';
import { t } from '../../words';
import { lockRelease } from '../lock/lock';
import { gridPart } from '../seller/seller';
import { ExpiryField, longestExpiry, readExpiry, type Expiry } from './ExpiryField';
import { askSettle, offerCancel, offerReprice, offerSetExpiry } from './offer';

/** Offers that are drawn at first: a seller may have thousands. */
const DRAWN = 24;

/**
 * Offers of the wallet and, where it is an owner or the operator, those of a bus that it may withdraw; only those of one
 * bus where one is given.
 */
export function OwnOffers({ bus: only }: { readonly bus?: Bus }) {
  const { offers, buses, sellers, capacities, readAt } = useMarket();
  const { wallet } = useSession();
  const [dialog, setDialog] = useState<Change>();
  const onlyBus = only?.address;
  const own = useMemo(
    () => ownOffers({ offers, buses, sellers }, wallet, onlyBus),
    [offers, buses, sellers, wallet, onlyBus],
  );
  const now = useNow();
  const current = dialog === undefined ? undefined : offers.get(dialog.offer.address);
  const dialogBus = dialog === undefined ? undefined : buses.get(dialog.offer.bus);
  const trading = own.filter(({ offer }) => !isOver(offer, capacities.get(offer.capacity), now));
  const over = own.filter(({ offer }) => isOver(offer, capacities.get(offer.capacity), now));
  return (
    <div className="stack">
      {own.length === 0 && readAt === undefined && <Reading what={t.ownOffers.yourOffers} />}
      {trading.length === 0 && readAt !== undefined && (
        <Empty>{only === undefined ? t.ownOffers.nothing : t.ownOffers.nothingOn(only.name)}</Empty>
      )}
      <Tiles of={trading} label={t.ownOffers.ownOffers} isOver={false} onChange={setDialog} />
      {over.length > 0 && (
        <details className="more">
          <summary>{t.ownOffers.over(over.length)}</summary>
          <Tiles of={over} label={t.ownOffers.over(over.length)} isOver onChange={setDialog} />
        </details>
      )}
      {dialog !== undefined && dialogBus !== undefined && (
        <OfferChange
          offer={current ?? dialog.offer}
          isGone={current === undefined}
          bus={dialogBus}
          what={dialog.what}
          onClose={() => setDialog(undefined)}
        />
      )}
    </div>
  );
}

/** What is to become of an offer. */
interface Change {
  readonly offer: Offer;
  readonly what: 'reprice' | 'expiry' | 'cancel';
}

/** A list of offers. */
function Tiles({
  of,
  label,
  isOver,
  onChange,
}: {
  readonly of: readonly { readonly offer: Offer; readonly bus: Bus }[];
  readonly label: string;
  readonly isOver: boolean;
  readonly onChange: (change: Change) => void;
}) {
  const [shown, more] = useShown(of, DRAWN);
  return (
    <>
      <ul className="tiles" aria-label={label}>
        {shown.map(({ offer, bus }) => (
          <OfferTile
            key={offer.address}
            offer={offer}
            bus={bus}
            isOver={isOver}
            onChange={(what) => onChange({ offer, what })}
          />
        ))}
      </ul>
      {more}
    </>
  );
}

/** Whether an offer sells nothing any more; one that its auction still needs is not over. */
function isOver(offer: Offer, capacity: Capacity | undefined, now: number): boolean {
  if (heldBack(capacity, offer, now) !== undefined) return false;
  return offer.cancelled || offer.remainingWh === 0n || now >= Math.min(offer.expiresAt, offer.gateClosesAt);
}

function OfferTile({
  offer,
  bus,
  isOver: isEnded,
  onChange,
}: {
  readonly offer: Offer;
  readonly bus: Bus;
  readonly isOver: boolean;
  readonly onChange: (what: keyof typeof TITLES) => void;
}) {
  const { wallet } = useSession();
  const now = useNow();
  const why = untradable(offer, bus, now);
  const isSteered = maySteer(offer, bus, wallet);
  return (
    <li className="tile" data-offer={offer.address}>
      <div className="row spread">
        <span className="row">
          <SourceIcon source={offer.source} /> <strong>{bus.name}</strong>
          {offer.ownedByBus && <span className="badge">{t.ownOffers.forTheBus}</span>}
          {!isSteered && !offer.ownedByBus && <AddressLabel address={offer.wallet} />}
        </span>
        <span>{t.ownOffers.perKwh(<Tokens units={offer.pricePerKwh} bus={bus} />)}</span>
      </div>
      {offer.gridFeePerKwh > 0n && (
        <p className="sub">{t.ownOffers.buyersPay(<Tokens units={offer.fullPricePerKwh} bus={bus} />)}</p>
      )}
      <p className="big number">
        {formatEnergy(freeWh(offer))} <span className="hint">{t.ownOffers.freeOf(formatEnergy(offer.listedWh))}</span>
      </p>
      <p className="sub">
        {t.ownOffers.sold(
          formatEnergy(offer.listedWh - offer.remainingWh),
          offer.reservedWh > 0n && t.ownOffers.reserved(formatEnergy(offer.reservedWh)),
          offer.windowStart !== 0 && `, ${deliveryTime(bus, offer.windowStart)}`,
          now >= offer.expiresAt
            ? t.ownOffers.ended
            : t.ownOffers.ends(
                offer.expiresAt - now < 3_600 ? (
                  <Countdown until={offer.expiresAt} />
                ) : (
                  <span className="countdown">{duration(offer.expiresAt - now, 'short')}</span>
                ),
              ),
        )}
      </p>
      {why !== undefined && <p className="sub warning-text">{why}</p>}
      <AuctionLine offer={offer} bus={bus} />
      {offer.proceeds > 0n && (
        <p className="sub">{t.ownOffers.paidSoFar(<Tokens units={offer.proceeds - gridPart(offer)} bus={bus} />)}</p>
      )}
      <ExpiredLocks offer={offer} bus={bus} />
      <div className="row">
        {isSteered && !isEnded && (
          <>
            <button
              type="button"
              className="button small quiet"
              disabled={offer.cancelled}
              onClick={() => onChange('reprice')}
            >
              {t.ownOffers.reprice}
            </button>
            <button
              type="button"
              className="button small quiet"
              disabled={offer.cancelled || now >= offer.expiresAt}
              onClick={() => onChange('expiry')}
            >
              {t.ownOffers.setExpiry}
            </button>
          </>
        )}
        <button type="button" className="button small quiet" onClick={() => onChange('cancel')}>
          {t.ownOffers.withdraw}
        </button>
      </div>
    </li>
  );
}

/** Offers that a wallet may withdraw, by bus and window; only those of one bus where one is given. */
export function ownOffers(
  { offers, buses, sellers }: Pick<MarketState, 'offers' | 'buses' | 'sellers'>,
  wallet: Address | undefined,
  only: Address | undefined,
): readonly { readonly offer: Offer; readonly bus: Bus }[] {
  return [...offers.values()]
    .flatMap((offer) => {
      const bus = buses.get(offer.bus);
      if (bus === undefined || (only !== undefined && only !== offer.bus)) return [];
      return mayWithdraw(offer, bus, sellers.get(offer.seller), wallet) ? [{ offer, bus }] : [];
    })
    .sort(
      (a, b) =>
        compareNames(a.bus.name, b.bus.name) ||
        compareAges(a.bus, b.bus) ||
        a.offer.windowStart - b.offer.windowStart ||
        b.offer.createdAt - a.offer.createdAt ||
        // The numbers of one seller's offers grow; other sellers count on their own.
        compare(a.offer.seller, b.offer.seller) ||
        compare(b.offer.number, a.offer.number),
    );
}

/** Locks on an offer that can no longer be settled: whoever likes may free their energy. */
function ExpiredLocks({ offer, bus }: { readonly offer: Offer; readonly bus: Bus }) {
  const { locks } = useMarket();
  const { live, signer } = useSession();
  const now = useNow();
  const action = useAction();
  const expired = [...locks.values()]
    .filter((lock) => lock.offer === offer.address && now > lock.expiresAt && !lock.isUnpaid)
    .sort(soonestLock);
  if (expired.length === 0 && action.state.kind === 'idle') return null;
  const energyWh = expired.reduce((sum, lock) => sum + lock.energyWh, 0n);
  const free = () => {
    const [first] = expired;
    if (signer === undefined || first === undefined) return;
    void action.run(async (onStage) => {
      const refund = await lockRelease(live, signer, first, offer, bus, onStage);
      const energy = formatEnergy(first.energyWh);
      return {
        message:
          refund === 'paid'
            ? t.ownOffers.areFreeAgainTheDeposit(energy)
            : t.ownOffers.areFreeAgainTheDepositWaits(energy),
      };
    });
  };
  return (
    <>
      {expired.length > 0 && (
        <div className="row spread">
          <span className="sub">{t.ownOffers.underExpiredLocks(formatEnergy(energyWh))}</span>
          <WalletButton tone="quiet" onClick={free} busy={action.isRunning}>
            {expired.length > 1 ? t.ownOffers.freeOne : t.ownOffers.freeIt}
          </WalletButton>
        </div>
      )}
      <ActionStatus action={action} />
    </>
  );
}

/** How long an offer of a bus waits before it trades, in words. */
export const BUS_OFFER_DELAY = duration(Number(BUS_OFFER_DELAY_SECONDS));

const TITLES = {
  reprice: t.ownOffers.setANewPrice,
  expiry: t.ownOffers.tradeUntilAnotherTime,
  cancel: t.ownOffers.withdrawWhatIsFree,
} as const;

function OfferChange({
  offer,
  isGone,
  bus,
  what,
  onClose,
}: {
  readonly offer: Offer;
  readonly isGone: boolean;
  readonly bus: Bus;
  readonly what: keyof typeof TITLES;
  readonly onClose: () => void;
}) {
  const { live, signer } = useSession();
  const capacity = useMarket().capacities.get(offer.capacity);
  const action = useAction();
  const now = useNow();
  const [priceText, setPriceText] = useState(plainTokens(offer.pricePerKwh, bus.decimals));
  const [expiry, setExpiry] = useState<Expiry>({ kind: '2h', text: '' });
  const price = checkedPrice(priceText, bus, offer.ownedByBus);
  const held = heldBack(capacity, offer, now);
  const whyNoPrice = price.ok ? repriceRefusal(offer, capacity, price.value, now) : undefined;
  const longest = longestExpiry(bus, offer.gateClosesAt, now);
  const until = readExpiry(expiry, now, longest);
  const seller = useMarket().sellers.get(offer.seller);
  const isLate = held === 'lastMinutes' && until.ok && until.value < offer.expiresAt;
  const whyNot = !until.ok
    ? until.reason
    : isLate
      ? t.auction.onlyLater
      : expiryRefusal(offer, bus, seller, until.value, now);
  const run = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      if (what === 'reprice') {
        if (!price.ok) throw new Error(price.reason);
        await offerReprice(live, signer, offer, price.value, onStage);
        return { message: <>{t.ownOffers.theOfferAsksPerKwh(tokensLabel(price.value, bus))}</> };
      }
      if (what === 'expiry') {
        if (!until.ok) throw new Error(until.reason);
        await offerSetExpiry(live, signer, offer, until.value, onStage);
        return { message: <>{t.ownOffers.theOfferTradesUntil(timeLabel(until.value))}</> };
      }
      await offerCancel(live, signer, offer, onStage);
      return { message: <>{t.ownOffers.withdrawnTheEnergyIsAvailable}</> };
    });
  };
  const isDone = action.state.kind === 'done';
  return (
    <Dialog title={TITLES[what]} onClose={onClose}>
      <div className="stack">
        {what === 'reprice' && (
          <TextField
            label={t.ownOffers.pricePerKwh}
            value={priceText}
            onChange={setPriceText}
            parsed={price}
            readAs={(units) => tokensLabel(units, bus)}
            showEmptyError
            suffix={bus.token}
            hint={t.ownOffers.atLeast(tokensLabel(lowestPrice(bus, offer.ownedByBus), bus))}
          />
        )}
        {whyNoPrice !== undefined && what === 'reprice' && <p className="error-text">{whyNoPrice}</p>}
        {what === 'cancel' && held !== undefined && <p className="error-text">{t.auction.cannotNow[held]}</p>}
        {what === 'reprice' && offer.ownedByBus && price.ok && price.value < offer.pricePerKwh && (
          <p className="hint">{t.ownOffers.waitsAgain(BUS_OFFER_DELAY)}</p>
        )}
        {what === 'expiry' && (
          <>
            <ExpiryField value={expiry} longest={longest} onChange={setExpiry} />
            {until.ok && whyNot !== undefined && <p className="error-text">{whyNot}</p>}
          </>
        )}
        {what === 'cancel' && (
          <p>
            {t.ownOffers.goBackToTheBus(
              <Energy wh={freeWh(offer)} />,
              offer.openLocks > 0 && t.ownOffers.energyUnderLocksStaysUntil,
            )}
          </p>
        )}
        {!isDone && (
          <WalletButton
            onClick={run}
            busy={action.isRunning}
            tone={what === 'cancel' ? 'danger' : 'primary'}
            disabled={
              isGone ||
              (what === 'reprice' && (!price.ok || whyNoPrice !== undefined)) ||
              (what === 'expiry' && whyNot !== undefined) ||
              (what === 'cancel' && held !== undefined && !(held === 'lastMinutes' && offer.ownedByBus))
            }
          >
            {TITLES[what]}
          </WalletButton>
        )}
        <ActionStatus action={action} />
      </div>
    </Dialog>
  );
}

/** Why an offer in an auction cannot have a price now; `undefined` where that does not stop it. */
function repriceRefusal(
  offer: Offer,
  capacity: Capacity | undefined,
  pricePerKwh: bigint,
  now: number,
): string | undefined {
  if (!offer.isInAuction || capacity === undefined) return undefined;
  if (now >= offer.gateClosesAt) return t.auction.noPriceAfterTheGate;
  const isRaised = phaseOf(capacity, now) === 'closing' && pricePerKwh > offer.pricePerKwh;
  return isRaised ? t.auction.onlyLower : undefined;
}

/** What becomes of an offer in the auction of its window; settling pays for what was sold. */
function AuctionLine({ offer, bus }: { readonly offer: Offer; readonly bus: Bus }) {
  const { live, signer } = useSession();
  const capacity = useMarket().capacities.get(offer.capacity);
  const now = useNow();
  const action = useAction();
  if (!offer.isInAuction || capacity === undefined) return null;
  const gate = timeLabel(offer.gateClosesAt);
  const settle = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await askSettle(live, signer, offer, bus, onStage);
      return { message: t.auction.saleIsSettled };
    });
  };
  const fill = askFill(outcomeOf(capacity), { pricePerKwh: offer.pricePerKwh, energyWh: askWh(offer) });
  const price = capacity.auctionPricePerKwh;
  const said = () => {
    switch (phaseOf(capacity, now)) {
      case 'trading':
      case 'closing':
        return askWh(offer) === 0n ? t.auction.asksNothing(gate) : t.auction.asks(formatEnergy(askWh(offer)), gate);
      case 'fixed':
        return t.auction.askWaits;
      case 'cleared':
        if (offer.isSettled) return t.auction.askIsSettled;
        return owesAsk(capacity, offer)
          ? t.auction.askSells(<Energy wh={fill} />, <Tokens units={price} bus={bus} />)
          : t.auction.askGetsNothing;
      default:
        return undefined;
    }
  };
  const text = said();
  return (
    <>
      {text !== undefined && (
        <p className="sub" data-auction="ask">
          {text}
        </p>
      )}
      {owesAsk(capacity, offer) && (
        <WalletButton tone="quiet" onClick={settle} busy={action.isRunning}>
          {t.auction.settleTheAsk}
        </WalletButton>
      )}
      <ActionStatus action={action} />
    </>
  );
}

/** Why an offer cannot have an expiry; `undefined` where it can. A later one follows the rules of today. */
export function expiryRefusal(
  offer: Offer,
  bus: Bus,
  seller: Seller | undefined,
  expiresAt: number,
  now: number,
): string | undefined {
  if (now >= offer.expiresAt) return t.model.thisOfferHasExpired;
  const earliest = offer.lockedUntil + Number(LOCK_MARGIN_SECONDS);
  if (offer.openLocks > 0 && expiresAt < earliest) return t.ownOffers.locksNeedItUntil(timeLabel(earliest));
  if (expiresAt <= offer.expiresAt) return undefined;
  if (bus.closing) return t.ownOffers.onlyEarlierWhileClosing;
  const lowest = lowestPrice(bus, offer.ownedByBus);
  if (offer.pricePerKwh < lowest) return t.ownOffers.repriceFirst(tokensLabel(lowest, bus));
  return offer.ownedByBus ? undefined : listingRefusal(bus, offer.wallet, seller);
}

/** Reads a price that a bus accepts, of its own offers where `ownedByBus`. */
export function checkedPrice(text: string, bus: Bus, ownedByBus: boolean): ReturnType<typeof parsePrice> {
  const parsed = parsePrice(text, bus.decimals);
  const lowest = lowestPrice(bus, ownedByBus);
  if (!parsed.ok || parsed.value >= lowest) return parsed;
  const said = tokensLabel(lowest, bus);
  const isReserve = lowest > bus.basePricePerKwh;
  return {
    ok: false,
    reason: isReserve ? t.ownOffers.theReservePriceIs(said) : t.ownOffers.theBussBasePriceIs(said),
  };
}
