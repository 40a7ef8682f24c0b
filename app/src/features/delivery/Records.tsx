/** Delivery records of the wallet: where refunds go, and the rent that comes back with the records. */

import type { Address } from '@solana/kit';
import { useState } from 'react';

import { tokenAccountAddress } from '../../chain/address';
import { rentOf } from '../../chain/connection';
import { isUnreachable } from '../../errors/explain';
import { getDeliveryBookSize, getPositionBookSize } from '../../generated';
import { mayChangeRefund } from '../../market/delivery';
import type { Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Sol } from '../../ui/amounts';
import { TextField } from '../../ui/fields';
import { AddressLabel, Card, Facts } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { parseAddress } from '../bus/bus';
import { closable, closeRecords, heldBy, positionSetRefund, soldBy } from './delivery';

/** Rents of a buyer's and a seller's record, in lamports, once the node has told them. */
export function useRecordRents(): { readonly position: bigint; readonly book: bigint } | undefined {
  const { live } = useSession();
  const answer = useAnswer(
    live,
    'records',
    async () => {
      const [position, book] = await Promise.all([
        rentOf(live.connection, getPositionBookSize()),
        rentOf(live.connection, getDeliveryBookSize()),
      ]);
      return { position, book };
    },
    { isPassing: isUnreachable },
  );
  return answer.kind === 'answered' ? answer.value : undefined;
}

/** The card; nothing for a wallet without records. */
export function Records() {
  const { live, signer, wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const action = useAction();
  const rents = useRecordRents();
  const held = heldBy(state, wallet);
  const sold = soldBy(state, wallet);
  if (held.length === 0 && sold.length === 0 && action.state.kind === 'idle') return null;
  const over = closable(state, wallet, now);
  const own = (payer: string) => payer === wallet;
  const bound =
    rents === undefined
      ? undefined
      : BigInt(held.filter(({ position }) => own(position.rentPayer)).length) * rents.position +
        BigInt(sold.filter(({ book }) => own(book.rentPayer)).length) * rents.book;
  const count = over.positions.length + over.books.length;
  const close = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await closeRecords(live, signer, over, onStage);
      return { message: t.delivery.recordsAreClosed };
    });
  };
  return (
    <Card title={t.delivery.records}>
      <div className="stack">
        <p className="hint">{t.delivery.whatRecordsAre}</p>
        <Facts
          facts={[
            [t.delivery.openRecords, held.length + sold.length],
            [t.delivery.rentBound, bound === undefined ? '…' : <Sol key="r" lamports={bound} />],
          ]}
        />
        {count > 0 && (
          <WalletButton tone="quiet" onClick={close} busy={action.isRunning}>
            {t.delivery.closeRecords(count)}
          </WalletButton>
        )}
        <ActionStatus action={action} />
        {held.length > 0 && <RefundAccount />}
      </div>
    </Card>
  );
}

/** Where refunds go, and naming another token account for them. */
function RefundAccount() {
  const { live, signer, wallet } = useSession();
  const state = useMarket();
  const action = useAction();
  const [text, setText] = useState('');
  const parsed = parseAddress(text);
  const now = useNow();
  const held = heldBy(state, wallet).filter(({ book, bus, position }) => mayChangeRefund(book, bus, position, now));
  const accounts = [...new Set(held.flatMap(({ position }) => position.refund ?? []))];
  const change = (accountFor: (bus: Bus) => Promise<Address>) => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const changes = held.map(async ({ position, bus }) => ({ position, bus, refund: await accountFor(bus) }));
      await positionSetRefund(live, signer, await Promise.all(changes), onStage);
      setText('');
      return { message: t.delivery.refundsGoThereNow };
    });
  };
  return (
    <details className="more">
      <summary>{t.delivery.whereRefundsGo}</summary>
      <div className="stack tight">
        <ul className="lines-list">
          {accounts.map((account) => (
            <li key={account}>
              <AddressLabel address={account} copy />
            </li>
          ))}
        </ul>
        <p className="hint">{t.delivery.whatTheRefundAccountIs}</p>
        <TextField
          label={t.delivery.anotherRefundAccount}
          value={text}
          onChange={setText}
          parsed={parsed}
          inputMode="text"
        />
        <div className="row wrap">
          <WalletButton
            tone="quiet"
            busy={action.isRunning}
            disabled={!parsed.ok}
            onClick={() => {
              if (parsed.ok) change(async () => parsed.value);
            }}
          >
            {t.delivery.useThisAccount}
          </WalletButton>
          {wallet !== undefined && (
            <WalletButton
              tone="quiet"
              busy={action.isRunning}
              onClick={() => change(({ mint, tokenProgram }) => tokenAccountAddress(wallet, mint, tokenProgram))}
            >
              {t.delivery.useMyOwnAccount}
            </WalletButton>
          )}
        </div>
        <ActionStatus action={action} />
      </div>
    </details>
  );
}
