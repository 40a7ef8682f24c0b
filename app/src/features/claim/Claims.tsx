/** What waits for somebody: money that could not be paid, to pull. */

import { short } from '../../amount/text';
import type { Claim } from '../../market/model';
import { compare } from '../../order';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { AddressLabel } from '../../ui/parts';
import { t } from '../../words';
import { claimPay, debtorOf } from './claim';

/** Claims, each with a button that pays it to its wallet. */
export function ClaimList({ claims }: { readonly claims: readonly Claim[] }) {
  const { live, signer, wallet } = useSession();
  const state = useMarket();
  const action = useAction();
  const pay = (claim: Claim) => {
    const debtor = debtorOf(state, claim);
    if (signer === undefined || debtor === undefined) return;
    void action.run(async (onStage) => {
      await claimPay(live, signer, claim, onStage);
      return {
        message: (
          <>{t.claim.wentTo(<Tokens units={claim.amount} bus={debtor} />, <AddressLabel address={claim.wallet} />)}</>
        ),
      };
    });
  };
  return (
    <>
      <ul className="lines-list" aria-label={t.claim.claims}>
        {claims
          .toSorted((a, b) => compare(b.amount, a.amount) || compare(a.address, b.address))
          .map((claim) => {
            const debtor = debtorOf(state, claim);
            if (debtor === undefined) return null;
            return (
              <li key={claim.address} className="row spread" data-claim={claim.address}>
                <span>
                  <Tokens units={claim.amount} bus={debtor} />{' '}
                  <a className="hint" href={`#/bus/${claim.bus}`}>
                    {debtor.name ?? t.claim.closedBus(short(claim.bus))}
                  </a>{' '}
                  {claim.wallet !== wallet && <AddressLabel address={claim.wallet} />}
                </span>
                <WalletButton
                  tone={claim.wallet === wallet ? 'primary' : 'quiet'}
                  busy={action.isRunning}
                  onClick={() => pay(claim)}
                >
                  {claim.wallet === wallet ? t.claim.pull : t.claim.payOut}
                </WalletButton>
              </li>
            );
          })}
      </ul>
      <ActionStatus action={action} />
    </>
  );
}
