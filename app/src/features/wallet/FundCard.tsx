/** What the wallet lacks, in one card: how much, the address to send it to, and on a local network a button that gives it. */

import { useMemo } from 'react';

import { isOfThisMachine } from '../../chain/network';
import type { Bus } from '../../market/model';
import { useSession } from '../../session';
import { ActionStatus, useAction } from '../../ui/action';
import { CopyButton } from '../../ui/parts';
import { t } from '../../words';
import { fundLocally } from './fund';
import { qrCode } from './qr';

/** The card; `tokens` and `sol` say what is missing of each, where something is. */
export function FundCard({
  bus,
  tokens,
  sol,
}: {
  readonly bus: Pick<Bus, 'mint' | 'tokenProgram' | 'decimals'>;
  readonly tokens: string | undefined;
  readonly sol: string | undefined;
}) {
  const { wallet, network, chain, live } = useSession();
  const action = useAction();
  if (wallet === undefined || (tokens === undefined && sol === undefined)) return null;
  const fund = () => {
    void action.run(async (onStage) => {
      onStage('confirming');
      await fundLocally(network, wallet, bus, { sol: sol !== undefined, tokens: tokens !== undefined });
      await live.refreshBalances();
      return { message: t.fund.itIsThere };
    });
  };
  return (
    <section className="status noted fund-card" aria-label={t.fund.whatIsMissing}>
      <div className="stack tight">
        {tokens !== undefined && <p role="alert">{tokens}</p>}
        {sol !== undefined && <p role="alert">{sol}</p>}
        <p>{t.fund.sendItTo}</p>
        <div className="row wrap">
          <Code text={`solana:${wallet}`} />
          <span className="break">
            <span className="mono">{wallet}</span> <CopyButton text={wallet} label={t.parts.copyTheAddress} />
          </span>
        </div>
        {chain === 'solana:localnet' && isOfThisMachine(network.rpcUrl) && (
          <div>
            <button type="button" className="button small" onClick={fund} disabled={action.isRunning}>
              {t.fund.fundIt}
            </button>
          </div>
        )}
        <ActionStatus action={action} />
      </div>
    </section>
  );
}

/** A QR code, with the margin that cameras need. */
function Code({ text }: { readonly text: string }) {
  const rows = useMemo(() => qrCode(text), [text]);
  const path = rows
    .flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x + 4} ${y + 4}h1v1h-1z`] : [])))
    .join('');
  const size = rows.length + 8;
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} width="148" height="148" role="img" aria-label={t.fund.code}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" shapeRendering="crispEdges" />
    </svg>
  );
}
