/** A bus that is closing, with what is still open of it; and what is left of one that has closed. */

import { short } from '../../amount/text';
import { timeLabel } from '../../amount/time';
import type { Bus, Tombstone } from '../../market/model';
import { useBooksOf, useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { AddressLabel, Card, CopyButton, Empty, Facts } from '../../ui/parts';
import { t } from '../../words';
import { ClaimList } from '../claim/Claims';
import { isWoundDown, remainsOf, windDown } from './windDown';

/** The card of a closing bus. */
export function ClosingCard({ bus }: { readonly bus: Bus }) {
  const { live, signer } = useSession();
  const state = useMarket();
  const action = useAction();
  const isKnown = useBooksOf(bus.address);
  const remains = remainsOf(state, bus.address);
  const isLast = isKnown && isWoundDown(remains);
  const run = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await windDown(live, signer, bus, onStage);
      return { message: isLast ? t.closing.theBusIsClosed : t.closing.aPartIsClosed };
    });
  };
  return (
    <Card title={t.closing.thisBusIsClosing} className="closing-card">
      <p>{t.closing.whatItMeans}</p>
      <Facts
        facts={[
          [t.closing.offers, remains.offers.length],
          [t.closing.locks, remains.locks.length],
          [t.closing.bids, remains.bids.length],
          [t.closing.books, isKnown ? remains.books.length : '…'],
          [t.closing.meters, remains.meters.length],
          [t.closing.sellers, remains.sellers.length],
          [t.closing.windows, remains.windows.length],
          [t.closing.decisions, remains.proposals.length],
          [t.closing.formerOwners, remains.formerOwners.length],
        ]}
      />
      <p className="hint">{isLast ? t.closing.nothingElseIsOpen : t.closing.anyoneCanClose}</p>
      <WalletButton tone="quiet" onClick={run} busy={action.isRunning} disabled={!isKnown}>
        {isLast ? t.closing.closeTheBus : t.closing.closeWhatCanBe}
      </WalletButton>
      <ActionStatus action={action} />
    </Card>
  );
}

/** The screen of a bus that has closed. */
export function ClosedBus({ stone }: { readonly stone: Tombstone }) {
  const { claims } = useMarket();
  const action = useAction();
  const own = [...claims.values()].filter(({ bus }) => bus === stone.address);
  return (
    <div className="page narrow">
      <h1 className="visually-hidden">{t.busScreen.bus}</h1>
      <Card
        title={
          <span className="row">
            {t.claim.closedBus(short(stone.address))} <span className="badge muted">{t.closing.closed}</span>
          </span>
        }
        aside={<CopyButton text={stone.address} label={t.busScreen.copyTheBussAddress} />}
      >
        <p>{t.closing.closedOn(timeLabel(stone.closedAt))}</p>
        <Facts
          facts={[
            [t.closing.creator, <AddressLabel key="c" address={stone.creator} copy />],
            [t.busScreen.token, <AddressLabel key="t" address={stone.mint} copy />],
          ]}
        />
        <h3>{t.closing.owed}</h3>
        {own.length === 0 && <Empty>{t.closing.allIsPaid}</Empty>}
        <ClaimList claims={own} action={action} />
      </Card>
    </div>
  );
}
