/** The market: buses, the chosen bus, its offers, depth, prices and trades, and the panel to buy. All live. */

import type { Address } from '@solana/kit';
import { lazy, Suspense, useMemo, useState } from 'react';

import { isOwner, type Bus, type Offer } from '../../market/model';
import { compareAges } from '../../order';
import { useMarket, useSession } from '../../session';
import { chosenBuses } from '../../state/chosenBuses';
import { places } from '../../state/places';
import { useStore } from '../../state/store';
import { isWelcomed } from '../../state/welcome';
import { classes } from '../../ui/classes';
import { Segmented } from '../../ui/fields';
import { Card, Empty, NotFound, Reading } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { auctionWindows, type AuctionWindow } from '../auction/auction';
import { AuctionCard } from '../auction/AuctionCard';
import { BidForm } from '../auction/BidForm';
import { basket, buyTab } from '../purchase/basket';
import { BasketPanel } from '../purchase/BasketPanel';
import { BestPrice } from '../purchase/BestPrice';
import { BusCard } from './BusCard';
import { BusSelector } from './BusSelector';
import { DepthChart } from './charts';
import { useFigures } from './figures';
import { OfferTable } from './OfferTable';
import { Prices, Trades } from './Trades';
import { Welcome } from './Welcome';
import { WhenCard } from './WhenCard';
import { deliveryWindows, startsOf, type When } from './windows';

// What most visits never need, or need only after a press.
const ClosedBus = lazy(async () => ({ default: (await import('../bus/ClosingCard')).ClosedBus }));
const OfferDialog = lazy(async () => ({ default: (await import('../offer/OfferDialog')).OfferDialog }));

/** The screen; `chosen` is the bus in the page's address. */
export function MarketScreen({ chosen }: { readonly chosen: string | undefined }) {
  const state = useMarket();
  const { wallet } = useSession();
  const chosenOnes = useStore(chosenBuses);
  const { home, favourites } = useStore(places);
  const hasRead = useStore(isWelcomed);
  const figures = useFigures();
  const [when, setWhen] = useState<When>({ kind: 'any' });
  const now = useNow();
  const [dialog, setDialog] = useState<Offer | undefined>();
  const [auctionChoice, setAuctionChoice] = useState<number | undefined>();
  const sorted = useMemo(
    () =>
      [...figures.values()].sort(
        (a, b) =>
          Number(b.bus.address === home) - Number(a.bus.address === home) ||
          Number(favourites.has(b.bus.address)) - Number(favourites.has(a.bus.address)) ||
          Number(isOwnPlace(b.bus, wallet, chosenOnes)) - Number(isOwnPlace(a.bus, wallet, chosenOnes)) ||
          Number(b.tradable.length > 0) - Number(a.tradable.length > 0) ||
          // Not by how many offers there are: whoever wants to be first would list many.
          compareAges(a.bus, b.bus),
      ),
    [figures, wallet, chosenOnes, home, favourites],
  );
  const current = chosen === undefined ? sorted[0] : figures.get(chosen as Address);
  if (current === undefined) {
    const stone = chosen === undefined ? undefined : state.tombstones.get(chosen as Address);
    if (stone !== undefined) return <ClosedBus stone={stone} />;
    if (chosen !== undefined && state.readAt !== undefined) {
      return <NotFound what={t.marketScreen.thereIsNoBusAt} />;
    }
    return (
      <div className={classes('page', state.readAt !== undefined && 'narrow')}>
        <h1 className="visually-hidden">{t.marketScreen.market}</h1>
        <Card title={t.marketScreen.market}>
          {state.readAt === undefined ? (
            <Reading what={t.marketScreen.theMarket} />
          ) : (
            <Empty>{t.marketScreen.thereIsNoBusOn(<a href="#/bus/new">{t.marketScreen.createTheFirstOne}</a>)}</Empty>
          )}
        </Card>
      </div>
    );
  }
  const { bus } = current;
  const delivery = deliveryWindows(bus, current.windows, current.tradable, now);
  const chosenWindows = startsOf(when, delivery, now);
  const auctions = auctionWindows(bus, current.windows, now);
  const auction = auctionOf(auctions, chosenWindows, auctionChoice, now);
  const choose = (start: number) => {
    setAuctionChoice(start);
    // What is chosen above is then another window.
    if (chosenWindows !== undefined) setWhen({ kind: 'any' });
  };
  const tradable = new Set(current.tradable);
  // What is sold out or over waits for its seller to close it, and interests nobody else.
  const offers = current.offers.filter(
    (offer) =>
      offer.remainingWh > 0n &&
      now < Math.min(offer.expiresAt, offer.gateClosesAt) &&
      (chosenWindows === undefined || chosenWindows.has(offer.windowStart)),
  );
  return (
    <div className="page market">
      <h1 className="visually-hidden">{t.marketScreen.market}</h1>
      {wallet === undefined && !hasRead && <Welcome buses={sorted} current={bus.address} />}
      <BusSelector sorted={sorted} current={bus.address} />
      <div className="main-column">
        {delivery.length > 0 && (
          <WhenCard bus={bus} windows={delivery} when={when} chosen={chosenWindows} onWhen={setWhen} />
        )}
        <BusCard figures={current} chosen={chosenWindows} />
        {auction !== undefined && <AuctionCard bus={bus} windows={auctions} window={auction} onChoose={choose} />}
        <Card title={t.marketScreen.offers} className="offers-card">
          <OfferTable key={bus.address} bus={bus} offers={offers} onChoose={setDialog} />
        </Card>
        <div className="two">
          <Card title={t.marketScreen.depth}>
            <DepthChart offers={offers.filter((offer) => tradable.has(offer))} bus={bus} />
          </Card>
          <Prices bus={bus} windows={chosenWindows} />
        </div>
        <Trades bus={bus} windows={chosenWindows} />
      </div>
      <BuyColumn bus={bus} windows={chosenWindows} auctions={auctions} auction={auction} onAuction={choose} />
      {dialog !== undefined && (
        <Suspense>
          <OfferDialog offer={dialog} onClose={() => setDialog(undefined)} />
        </Suspense>
      )}
    </div>
  );
}

/** Whether a bus is one that its user owns or has chosen to buy from: strangers' come after those. */
function isOwnPlace(bus: Bus, wallet: Address | undefined, chosen: ReadonlySet<Address>): boolean {
  return isOwner(bus, wallet) || chosen.has(bus.address);
}

/** The window whose auction is shown: the one that is meant above, else the one that was chosen, else the next. */
function auctionOf(
  windows: readonly AuctionWindow[],
  meant: ReadonlySet<number> | undefined,
  choice: number | undefined,
  now: number,
): AuctionWindow | undefined {
  const [only] = meant?.size === 1 ? [...meant] : [];
  const ahead = windows.filter(({ gateClosesAt }) => now < gateClosesAt);
  return (
    windows.find(({ start }) => start === only) ??
    windows.find(({ start }) => start === choice) ??
    ahead.find(({ capacity }) => capacity !== undefined) ??
    ahead[0] ??
    windows.at(-1)
  );
}

function BuyColumn({
  bus,
  windows,
  auctions,
  auction,
  onAuction,
}: {
  readonly bus: Bus;
  readonly windows: ReadonlySet<number> | undefined;
  readonly auctions: readonly AuctionWindow[];
  readonly auction: AuctionWindow | undefined;
  readonly onAuction: (start: number) => void;
}) {
  const items = useStore(basket);
  const chosen = useStore(buyTab);
  // Not every bus has auctions.
  const tab = chosen === 'bid' && auction === undefined ? 'best' : chosen;
  return (
    <aside className="buy-column" id="buy" aria-label={t.marketScreen.buy}>
      <Card className="buy-card">
        <Segmented
          label={t.marketScreen.howToBuy}
          options={[
            ['best', t.marketScreen.bestPrice],
            ...(auction === undefined ? [] : [['bid', t.auction.bid] as const]),
            ['basket', t.marketScreen.basketTab(items.length)],
          ]}
          value={tab}
          onChange={(next) => buyTab.set(next)}
        />
        {tab === 'best' && <BestPrice key={bus.address} bus={bus} windows={windows} />}
        {tab === 'bid' && auction !== undefined && (
          <BidForm key={bus.address} bus={bus} windows={auctions} window={auction} onChoose={onAuction} />
        )}
        {tab === 'basket' && <BasketPanel />}
      </Card>
    </aside>
  );
}
