/** The sellers of a bus, for its owners and its operator: who is admitted or suspended. */

import { useState } from 'react';

import { isOperator, isOwner, listingRefusal, type Bus, type Seller } from '../../market/model';
import { compare } from '../../order';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { TextField } from '../../ui/fields';
import { AddressLabel, Card, Empty } from '../../ui/parts';
import { t } from '../../words';
import { parseAddress } from '../bus/bus';
import { sellerAdmit, sellerSuspend } from './seller';

/** The card; nothing for those who decide about no seller. */
export function Sellers({ bus }: { readonly bus: Bus }) {
  const { wallet } = useSession();
  const { sellers } = useMarket();
  const isHands = isOperator(bus, wallet);
  if (!isHands && !isOwner(bus, wallet)) return null;
  const own = [...sellers.values()]
    .filter((seller) => seller.bus === bus.address && seller.wallet !== bus.address)
    .sort((a, b) => compare(a.wallet, b.wallet));
  return (
    <Card title={t.seller.sellers}>
      {own.length === 0 ? (
        <Empty>{t.seller.nobodySellsYet}</Empty>
      ) : (
        <ul className="lines-list" aria-label={t.seller.sellers}>
          {own.map((seller) => (
            <SellerLine key={seller.address} bus={bus} seller={seller} isOperated={isHands} />
          ))}
        </ul>
      )}
      {isHands ? <Admission bus={bus} /> : <p className="hint">{t.seller.ownersDecideIt}</p>}
    </Card>
  );
}

function SellerLine({
  bus,
  seller,
  isOperated,
}: {
  readonly bus: Bus;
  readonly seller: Seller;
  readonly isOperated: boolean;
}) {
  const { live, signer } = useSession();
  const action = useAction();
  const suspend = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await sellerSuspend(live, signer, bus, seller, onStage);
      return { message: t.seller.isSuspended };
    });
  };
  const admit = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await sellerAdmit(live, signer, bus, seller.wallet, onStage);
      return { message: t.seller.isAdmitted };
    });
  };
  const mayList = listingRefusal(bus, seller.wallet, seller) === undefined;
  return (
    <li className="stack tight" data-seller={seller.address}>
      <div className="row spread wrap">
        <span className="row wrap">
          <AddressLabel address={seller.wallet} copy />
          <span className={mayList ? 'badge good' : 'badge warning'}>
            {seller.suspended ? t.seller.badgeSuspended : mayList ? t.seller.mayList : t.seller.notAdmitted}
          </span>
        </span>
        <span className="row wrap">
          <span className="hint">{t.seller.offers(seller.openOffers)}</span>
          {isOperated && (
            <WalletButton tone="quiet" onClick={seller.suspended || !mayList ? admit : suspend} busy={action.isRunning}>
              {seller.suspended || !mayList ? t.seller.admit : t.seller.suspend}
            </WalletButton>
          )}
        </span>
      </div>
      <ActionStatus action={action} />
    </li>
  );
}

/** The operator admits a wallet that has no account yet. */
function Admission({ bus }: { readonly bus: Bus }) {
  const { live, signer } = useSession();
  const action = useAction();
  const [text, setText] = useState('');
  const parsed = parseAddress(text);
  const admit = () => {
    if (signer === undefined || !parsed.ok) return;
    void action.run(async (onStage) => {
      await sellerAdmit(live, signer, bus, parsed.value, onStage);
      setText('');
      return { message: t.seller.isAdmitted };
    });
  };
  return (
    <form
      className="stack tight"
      onSubmit={(event) => {
        event.preventDefault();
        admit();
      }}
    >
      <TextField
        label={t.seller.walletToAdmit}
        value={text}
        onChange={setText}
        parsed={parsed}
        inputMode="text"
        hint={t.seller.admittingPaysRent}
      />
      <WalletButton tone="quiet" busy={action.isRunning} disabled={!parsed.ok || bus.closing}>
        {t.seller.admit}
      </WalletButton>
      <ActionStatus action={action} />
    </form>
  );
}
