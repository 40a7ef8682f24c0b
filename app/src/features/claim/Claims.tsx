/** What waits for somebody: money that could not be paid, to pull. */

import { short } from '../../amount/text';
import type { Claim } from '../../market/model';
import { compare } from '../../order';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { AddressLabel, Card } from '../../ui/parts';
import { t } from '../../words';
import { Elsewhere, UsualNote, useNamed } from '../payee/Elsewhere';
import { claimPay, debtorOf } from './claim';

/** Claims, each with a button that pays it to its wallet; `action` outlives them. */
export function ClaimList({ claims, action }: { readonly claims: readonly Claim[]; readonly action: Action }) {
  return (
    <>
      <ul className="lines-list" aria-label={t.claim.claims}>
        {claims
          .toSorted((a, b) => compare(b.amount, a.amount) || compare(a.address, b.address))
          .map((claim) => (
            <ClaimLine key={claim.address} claim={claim} action={action} />
          ))}
      </ul>
      <ActionStatus action={action} />
    </>
  );
}

/** The card of what a bus owes to wallets; nothing where it owes nothing. */
export function OwedCard({ claims }: { readonly claims: readonly Claim[] }) {
  const action = useAction();
  if (claims.length === 0 && action.state.kind === 'idle') return null;
  return (
    <Card title={t.claim.owed}>
      <p className="hint">{t.claim.whatIsOwed}</p>
      <ClaimList claims={claims} action={action} />
    </Card>
  );
}

function ClaimLine({ claim, action }: { readonly claim: Claim; readonly action: Action }) {
  const { live, signer, wallet } = useSession();
  const debtor = debtorOf(useMarket(), claim);
  const named = useNamed();
  const isOwn = claim.wallet === wallet;
  if (debtor === undefined) return null;
  const pay = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const to = isOwn ? named.to : undefined;
      await claimPay(live, signer, claim, to, onStage);
      return {
        message: t.claim.wentTo(
          <Tokens units={claim.amount} bus={debtor} />,
          <AddressLabel address={to ?? claim.wallet} />,
        ),
      };
    });
  };
  return (
    <li className="stack tight" data-claim={claim.address}>
      <div className="row spread wrap">
        <span>
          <Tokens units={claim.amount} bus={debtor} />{' '}
          <a className="hint" href={`#/bus/${claim.bus}`}>
            {debtor.name ?? t.claim.closedBus(short(claim.bus))}
          </a>{' '}
          {!isOwn && <AddressLabel address={claim.wallet} />}
        </span>
        <WalletButton
          tone={isOwn ? 'primary' : 'quiet'}
          busy={action.isRunning}
          disabled={isOwn && named.isUnreadable}
          onClick={pay}
        >
          {isOwn ? t.claim.pull : t.claim.payOut}
        </WalletButton>
      </div>
      {isOwn && <UsualNote payer={debtor} due={claim.amount} />}
      {isOwn && <Elsewhere of={named} />}
    </li>
  );
}
