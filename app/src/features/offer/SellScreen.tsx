/** Selling: put energy on offer for oneself or for the bus, and look after what is on offer. */

import type { Address } from '@solana/kit';
import { useState } from 'react';

import { cost } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { windowLabel } from '../../amount/time';
import { formatTokens } from '../../amount/token';
import { gateClosesAt, isOwner, mayList, SOURCES, type Bus, type Source } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy } from '../../ui/amounts';
import { EnergyField, readEnergy, Segmented, Select, TextField, type EnergyInputValue } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { Card, Empty, NotFound, Reading } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { ExpiryField, readExpiry, type Expiry } from './ExpiryField';
import { offerCreate } from './offer';
import { checkedPrice, OwnOffers } from './OwnOffers';

/** The screen. */
export function SellScreen({ chosen }: { readonly chosen: string | undefined }) {
  const { buses, readAt } = useMarket();
  const { wallet, openWallet } = useSession();
  const usable = [...buses.values()]
    .filter((bus) => wallet === undefined || mayList(bus, wallet))
    .sort((a, b) => Number(isOwner(b, wallet)) - Number(isOwner(a, wallet)) || a.name.localeCompare(b.name));
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
        ) : bus === undefined && chosen !== undefined ? (
          <Empty>{t.sellScreen.onlyOwnersMayListEnergy(<a href="#/sell">{t.sellScreen.seeWhereYouMaySell}</a>)}</Empty>
        ) : bus === undefined ? (
          <Empty>{t.sellScreen.youOwnNoBusAnd(<a href="#/bus/new">{t.sellScreen.createABus}</a>)}</Empty>
        ) : (
          <div className="stack">
            <Select
              label={t.sellScreen.onWhichBus}
              value={bus.address}
              options={usable.map((candidate) => [
                candidate.address,
                `${candidate.name}${isOwner(candidate, wallet) ? ' (yours)' : ''}`,
              ])}
              onChange={(address: Address) => {
                location.hash = `#/sell/${address}`;
              }}
            />
            <SellForm key={bus.address} bus={bus} />
          </div>
        )}
      </Card>
      <Card title={t.sellScreen.whatYouHaveOnOffer}>{bus === undefined ? <OwnOffers /> : <OwnOffers bus={bus} />}</Card>
    </div>
  );
}

function SellForm({ bus }: { readonly bus: Bus }) {
  const { live, signer, wallet } = useSession();
  const { capacities } = useMarket();
  const now = useNow();
  const [amount, setAmount] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [priceText, setPriceText] = useState('');
  const [source, setSource] = useState<Source>('solar');
  const [expiry, setExpiry] = useState<Expiry>({ kind: 'none', text: '' });
  const [forBus, setForBus] = useState(false);
  const [windowChoice, setWindow] = useState<number | undefined>();
  const action = useAction();
  const windows = upcoming(bus, now);
  const windowStart =
    bus.windowSeconds === 0 ? 0 : (windows.find((start) => start === windowChoice) ?? windows[0] ?? 0);
  const capacity = [...capacities.values()].find(
    (candidate) => candidate.bus === bus.address && candidate.windowStart === windowStart,
  );
  const available = capacity?.availableWh ?? (windowStart === 0 ? 0n : bus.capacityWh);
  const energy = readEnergy(amount);
  const price = checkedPrice(priceText, bus);
  const until = readExpiry(expiry, now);
  const isTooMuch = energy.ok && energy.value > available;
  const revenue = energy.ok && price.ok ? cost(energy.value, price.value) : undefined;
  const isOwned = isOwner(bus, wallet);

  const onSell = () => {
    if (signer === undefined || !energy.ok || !price.ok || !until.ok) return;
    const terms = {
      energyWh: energy.value,
      pricePerKwh: price.value,
      source,
      windowStart,
      expiresAt: until.value,
      forBus: isOwned && forBus,
    };
    void action.run(async (onStage) => {
      await offerCreate(live, signer, bus, terms, onStage);
      setAmount((before) => ({ ...before, text: '' }));
      return {
        message: (
          <>
            {t.sellScreen.onOfferAtPerKwh(
              <Energy wh={terms.energyWh} />,
              formatTokens(terms.pricePerKwh, bus.decimals),
            )}
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
      {bus.windowSeconds !== 0 && (
        <Select
          label={t.sellScreen.deliveryWindow}
          value={String(windowStart)}
          options={windows.map((start) => [String(start), windowLabel(start, bus.windowSeconds)])}
          onChange={(start) => setWindow(Number(start))}
        />
      )}
      <EnergyField
        label={t.sellScreen.energy}
        value={amount}
        onChange={setAmount}
        hint={t.sellScreen.available(formatEnergy(available))}
        error={isTooMuch ? t.sellScreen.theBusHasAvailableOffer(formatEnergy(available)) : undefined}
      />
      <TextField
        label={t.sellScreen.pricePerKwh}
        value={priceText}
        onChange={setPriceText}
        parsed={price}
        suffix={bus.token}
        hint={t.sellScreen.atLeastTheBussBase(formatTokens(bus.basePricePerKwh, bus.decimals))}
      />
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
      <ExpiryField value={expiry} onChange={setExpiry} />
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
      {revenue !== undefined && (
        <p className="hint">{t.sellScreen.bringsIfAllIsSold(formatTokens(revenue, bus.decimals), bus.token)}</p>
      )}
      {bus.paused && <p className="error-text">{t.sellScreen.theOwnersHavePausedThis}</p>}
      <WalletButton busy={action.isRunning} disabled={!energy.ok || !price.ok || !until.ok || isTooMuch || bus.paused}>
        {t.sellScreen.putOnOffer}
      </WalletButton>
      <ActionStatus action={action} />
    </form>
  );
}

/** Starts of the next windows that still trade. */
function upcoming(bus: Bus, now: number): readonly number[] {
  if (bus.windowSeconds === 0) return [];
  const first = Math.ceil((now + 1) / bus.windowSeconds) * bus.windowSeconds;
  return Array.from({ length: 48 }, (_, index) => first + index * bus.windowSeconds).filter(
    (start) => now < gateClosesAt(bus, start),
  );
}
