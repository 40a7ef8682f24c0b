/** The treasury of a bus: what its own offers earned, and each owner's exact share of it. */

import type { Address } from '@solana/kit';
import { useEffect } from 'react';

import { formatBps } from '../../amount/token';
import { tokenAccount } from '../../chain/connection';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { getTreasuryClaimInstruction } from '../../generated';
import type { LiveMarket } from '../../market/live';
import { claimable, type Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { AddressLabel, Card, Empty, Facts, numbers, TableHead } from '../../ui/parts';
import { t } from '../../words';

/** Pays an owner what it may claim, to its own token account; anyone may ask for it. */
export function treasuryClaim(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  owner: Address,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(
    live.connection,
    signer,
    async () => {
      const destination = await tokenAccount(live.connection, signer.address, owner, bus);
      return [
        ...destination.creation,
        getTreasuryClaimInstruction({
          owner,
          bus: bus.address,
          treasury: bus.treasury,
          destination: destination.address,
          mint: bus.mint,
          tokenProgram: bus.tokenProgram,
        }),
      ];
    },
    onStage,
  );
}

/** The card. */
export function Treasury({ bus }: { readonly bus: Bus }) {
  const { live, wallet, signer } = useSession();
  const { balances } = useMarket();
  const action = useAction();
  useEffect(() => live.watchBalance(bus.treasury), [live, bus.treasury]);
  const balance = balances.get(bus.treasury);
  if (balance === undefined) {
    return (
      <Card title={t.treasury.treasury}>
        <Empty>{t.treasury.readingTheTreasury}</Empty>
      </Card>
    );
  }
  const places = [
    ...bus.owners.map((owner) => ({ owner: owner.wallet, note: formatBps(owner.shareBps) })),
    ...bus.formerOwners.map((former) => ({ owner: former.wallet, note: 'left' })),
  ];
  const claim = (owner: Address) => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const units = claimable(bus, owner, balance);
      await treasuryClaim(live, signer, bus, owner, onStage);
      await Promise.all([live.refresh([bus.address]), live.refreshBalances()]);
      return {
        message: <>{t.treasury.wentTo(<Tokens units={units} bus={bus} />, <AddressLabel address={owner} />)}</>,
      };
    });
  };
  return (
    <Card title={t.treasury.treasury}>
      <Facts
        facts={[
          [t.treasury.holdsNow, <Tokens key="h" units={balance} bus={bus} />],
          [t.treasury.receivedEver, <Tokens key="r" units={balance + bus.treasuryClaimed} bus={bus} />],
          [t.treasury.claimedEver, <Tokens key="c" units={bus.treasuryClaimed} bus={bus} />],
        ]}
      />
      <table className="plain" aria-label={t.treasury.claims}>
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
            const units = claimable(bus, owner, balance);
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
                  <WalletButton
                    tone={owner === wallet ? 'primary' : 'quiet'}
                    disabled={units === 0n}
                    busy={action.isRunning}
                    onClick={() => claim(owner)}
                  >
                    {owner === wallet ? t.treasury.claim : t.treasury.payOut}
                  </WalletButton>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <ActionStatus action={action} />
    </Card>
  );
}
