/** Withdraws what the wallet earned on all buses, with one button. */

import { useMarket, useSession } from '../../session';
import { ActionStatus, WalletButton, type Action } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { t } from '../../words';
import { sellersOf, withdrawAll, type Withdrawn } from './seller';

/** The button; nothing where the wallet sells nowhere. */
export function WithdrawAll({ action }: { readonly action: Action }) {
  const { live, signer, wallet } = useSession();
  const { sellers, buses } = useMarket();
  const own = sellersOf({ sellers, buses }, wallet);
  const run = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const { paid, isAll, isBlocked } = await withdrawAll(live, signer, own, onStage);
      return {
        tone: isAll && !isBlocked ? 'done' : 'part',
        message: (
          <>
            {t.seller.withdrewAll(
              paid.map((one: Withdrawn) => (
                <span key={one.bus.mint} className="block">
                  <Tokens units={one.amount} bus={one.bus} />
                </span>
              )),
            )}
            {!isAll && t.seller.moreIsLeftElsewhere}
            {isBlocked && t.seller.someIsBlocked}
          </>
        ),
      };
    });
  };
  return (
    <div className="stack tight">
      <WalletButton onClick={run} busy={action.isRunning}>
        {t.seller.withdrawAll}
      </WalletButton>
      <ActionStatus action={action} />
    </div>
  );
}
