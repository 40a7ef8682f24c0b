/** The treasury of a bus: what its own offers earned, and each owner's exact share of it. */

import type { Address } from '@solana/kit';
import { useEffect } from 'react';

import { formatBps } from '../../amount/token';
import { claimable, type Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { AddressLabel, Card, Empty, Facts, numbers, TableHead } from '../../ui/parts';
import { t } from '../../words';
import { Elsewhere, UsualNote, useNamed } from '../payee/Elsewhere';
import { gridSweep } from '../seller/seller';
import { SellerMoney } from '../seller/SellerMoney';
import { treasuryClaim } from './treasuryClaim';

/** The card. */
export function Treasury({ bus }: { readonly bus: Bus }) {
  const { live, wallet, signer } = useSession();
  const { balances, ledgers, sellers } = useMarket();
  const action = useAction();
  const named = useNamed();
  useEffect(() => live.watchBalance(bus.treasury), [live, bus.treasury]);
  const balance = balances.get(bus.treasury);
  const ledger = ledgers.get(bus.address);
  const seller = sellers.get(bus.seller);
  if (balance === undefined || ledger === undefined) {
    return (
      <Card title={t.treasury.treasury}>
        <Empty>{t.treasury.readingTheTreasury}</Empty>
      </Card>
    );
  }
  const places = [
    ...bus.owners.map((owner) => ({ owner: owner.wallet, note: formatBps(owner.shareBps) })),
    ...ledger.formerOwners.map((former) => ({ owner: former.wallet, note: t.treasury.left })),
  ];
  const due = new Map(places.map(({ owner }) => [owner, claimable(bus, ledger, owner, balance)]));
  const ownDue = wallet === undefined ? 0n : (due.get(wallet) ?? 0n);
  const isOtherDue = [...due].some(([owner, units]) => owner !== wallet && units > 0n);
  const claim = (owner: Address, units: bigint) => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const to = owner === wallet ? named.to : undefined;
      const { isClaimed } = await treasuryClaim(live, signer, bus, owner, to, onStage);
      await Promise.all([live.refresh([bus.address, ledger.address]), live.refreshBalances()]);
      return {
        message: (isClaimed ? t.treasury.waitsFor : t.treasury.wentTo)(
          <Tokens units={units} bus={bus} />,
          <AddressLabel address={to ?? owner} />,
        ),
      };
    });
  };
  return (
    <Card title={t.treasury.treasury}>
      <Facts
        facts={[
          [t.treasury.holdsNow, <Tokens key="h" units={balance} bus={bus} />],
          ...(ledger.diverted === 0n
            ? []
            : [
                [
                  t.treasury.diverted,
                  <span key="d">
                    <Tokens units={ledger.diverted} bus={bus} />
                    <span className="sub block">{t.treasury.whatDivertedIs}</span>
                  </span>,
                ] as const,
              ]),
          [t.treasury.claimedUnderTheseShares, <Tokens key="c" units={ledger.periodClaimed} bus={bus} />],
          [t.treasury.ofEarlierShares, <Tokens key="e" units={ledger.accruedTotal} bus={bus} />],
        ]}
      />
      <table className="plain payable" aria-label={t.treasury.claims}>
        <TableHead
          columns={[
            t.treasury.owner,
            numbers(t.treasury.share),
            numbers(t.treasury.mayClaim),
            { title: t.treasury.claim, as: 'hidden' },
          ]}
        />
        <tbody>
          {places.map(({ owner, note }) => {
            const units = due.get(owner) ?? 0n;
            return (
              <tr key={owner}>
                <td>
                  <AddressLabel address={owner} />
                </td>
                <td className="end number">{note}</td>
                <td className="end">
                  <Tokens units={units} bus={bus} />
                </td>
                <td className="end">
                  {wallet !== undefined && (
                    <WalletButton
                      tone={owner === wallet ? 'primary' : 'quiet'}
                      disabled={units === 0n || (owner === wallet && named.isUnreadable)}
                      busy={action.isRunning}
                      onClick={() => claim(owner, units)}
                    >
                      {owner === wallet ? t.treasury.claim : t.treasury.payOut}
                    </WalletButton>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <div className="stack tight">
        {ownDue > 0n && (
          <>
            <UsualNote payer={bus} due={ownDue} />
            <Elsewhere of={named} />
          </>
        )}
        {wallet !== undefined && isOtherDue && <p className="hint">{t.treasury.whereOthersArePaid}</p>}
        <ActionStatus action={action} />
      </div>
      <GridFees bus={bus} />
      {seller !== undefined && (
        <>
          <h3>{t.treasury.ownOffers}</h3>
          <p className="hint">{t.treasury.revenueCountsOnce}</p>
          <SellerMoney bus={bus} seller={seller} />
        </>
      )}
    </Card>
  );
}

/** Grid fees that the vaults of a bus's sellers hold, to pay to their recipient; nothing where there are none. */
function GridFees({ bus }: { readonly bus: Bus }) {
  const { live, signer } = useSession();
  const { sellers } = useMarket();
  const action = useAction();
  const owed = [...sellers.values()].reduce(
    (sum, { bus: of, gridFeesOwed }) => (of === bus.address ? sum + gridFeesOwed : sum),
    0n,
  );
  const sweep = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const amount = await gridSweep(live, signer, bus, onStage);
      return {
        message: t.treasury.gridFeesWentTo(
          <Tokens units={amount} bus={bus} />,
          bus.gridRecipient === undefined ? t.treasury.theTreasury : <AddressLabel address={bus.gridRecipient} />,
        ),
      };
    });
  };
  if (owed === 0n && action.state.kind === 'idle') return null;
  return (
    <>
      <h3>{t.treasury.gridFees}</h3>
      {owed > 0n && (
        <div className="row spread wrap">
          <span>
            {t.treasury.gridFeesWait(
              <Tokens units={owed} bus={bus} />,
              bus.gridRecipient === undefined ? t.treasury.theTreasury : <AddressLabel address={bus.gridRecipient} />,
            )}
          </span>
          <WalletButton tone="quiet" onClick={sweep} busy={action.isRunning}>
            {t.treasury.payOut}
          </WalletButton>
        </div>
      )}
      <ActionStatus action={action} />
    </>
  );
}
