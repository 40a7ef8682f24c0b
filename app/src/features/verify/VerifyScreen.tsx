/** Verify: whether a purchase happened, by whom, what, and whether its lane's history proves it. */

import type { Address } from '@solana/kit';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { flushSync } from 'react-dom';

import { deliveryLabel, momentLabel } from '../../amount/time';
import { formatUnits } from '../../amount/token';
import { sentence } from '../../errors/explain';
import { WH_PER_KWH } from '../../generated';
import type { BidTale } from '../../market/bids';
import type { Bus } from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { Energy, Tokens } from '../../ui/amounts';
import { TextField } from '../../ui/fields';
import { CheckIcon } from '../../ui/icons';
import { AddressLabel, Card, CopyButton, Facts } from '../../ui/parts';
import { Worth } from '../../ui/Worth';
import { t } from '../../words';
import { Check } from '../auction/AuctionCard';
import { bidState } from '../auction/state';
import { onlyToken, tokenPaidOn } from '../claim/claim';
import { settlementOf } from '../delivery/TermsNote';
import { FillTable } from '../purchase/FillTable';
import { history, parseQuery, searchMarket, verify, type Processed, type Proof, type Verdict } from './verify';

type Progress =
  | { readonly kind: 'idle' }
  | { readonly kind: 'looking'; readonly looked: number }
  | { readonly kind: 'answered'; readonly verdict: Verdict }
  | { readonly kind: 'failed'; readonly reason: string };

/** The screen; `asked` is what the page's address asks for. */
export function VerifyScreen({ asked }: { readonly asked: string | undefined }) {
  const near = useVerdict(asked);
  const [searched, setSearched] = useState<{ readonly hash: string; readonly verdict: Verdict }>();
  const isSearched =
    near.kind === 'answered' && near.verdict.kind === 'unfound' && near.verdict.hash === searched?.hash;
  const progress: Progress = isSearched ? { kind: 'answered', verdict: searched.verdict } : near;
  return (
    <div className="page narrow">
      <h1 className="visually-hidden">{t.verifyScreen.verify}</h1>
      <Card title={t.verifyScreen.didItHappen}>
        <VerifyForm key={asked} asked={asked} />
        <div role="status" aria-live="polite" className="verdict">
          {progress.kind === 'looking' && (
            <div className="status running">
              <span className="spinner" aria-hidden="true" />
              <div>
                {t.verifyScreen.askingTheChain}
                {progress.looked > 0 && <p className="hint">{t.verifyScreen.lookedAt(progress.looked)}</p>}
              </div>
            </div>
          )}
          {progress.kind === 'answered' && progress.verdict.kind === 'unfound' && (
            <Search key={progress.verdict.hash} hash={progress.verdict.hash} onVerdict={setSearched} />
          )}
          {progress.kind === 'failed' && <div className="status failed">{progress.reason}</div>}
          {progress.kind === 'answered' && progress.verdict.kind === 'unprocessed' && (
            <div className="status noted">
              <div>
                <strong>{t.verifyScreen.notProcessed}</strong> {progress.verdict.why}
              </div>
            </div>
          )}
        </div>
      </Card>
      {progress.kind === 'answered' &&
        progress.verdict.kind === 'processed' &&
        progress.verdict.purchases.map((purchase) => <PurchaseProof key={purchase.hash} purchase={purchase} />)}
    </div>
  );
}

/** What the chain says of what was asked. */
function useVerdict(asked: string | undefined): Progress {
  const { live, wallet } = useSession();
  const { trades, bidTales } = useMarket();
  const [looked, setLooked] = useState<{ readonly at: string; readonly count: number }>();
  const query = asked === undefined ? undefined : parseQuery(asked);
  const valid = query === undefined || 'reason' in query ? undefined : query;
  // Whose lanes are looked through is known once the wallet is.
  const key = valid === undefined ? undefined : `${asked} ${wallet}`;
  const answer = useAnswer(live, key, async (signal) =>
    valid === undefined
      ? undefined
      : verify(live.connection, valid, { trades: [...trades, ...bidTales.values()], wallet }, signal, (count) => {
          if (asked !== undefined && !signal.aborted) setLooked({ at: asked, count });
        }),
  );
  // What cannot be read is refused beside its box.
  if (answer.kind === 'failed') return { kind: 'failed', reason: sentence(answer.error) };
  if (answer.kind === 'answered' && answer.value !== undefined) return { kind: 'answered', verdict: answer.value };
  if (valid === undefined) return { kind: 'idle' };
  return { kind: 'looking', looked: looked !== undefined && looked.at === asked ? looked.count : 0 };
}

/** Asks before all transactions of the market are looked through, and tells how it goes. */
function Search({
  hash,
  onVerdict,
}: {
  readonly hash: string;
  readonly onVerdict: (searched: { readonly hash: string; readonly verdict: Verdict }) => void;
}) {
  const { live } = useSession();
  const [looked, setLooked] = useState<number>();
  const [failure, setFailure] = useState<string>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const search = () => {
    const over = new AbortController();
    stop.current = over;
    setFailure(undefined);
    setLooked(0);
    searchMarket(live.connection, hash, over.signal, setLooked).then(
      (verdict) => {
        setLooked(undefined);
        if (!over.signal.aborted) onVerdict({ hash, verdict });
      },
      (error: unknown) => {
        setLooked(undefined);
        setFailure(sentence(error));
      },
    );
  };
  return (
    <div className="status noted">
      <div className="stack tight">
        <p>{t.verifyScreen.notNear}</p>
        {looked === undefined ? (
          <button type="button" className="button small" onClick={search}>
            {t.verifyScreen.lookThroughAll}
          </button>
        ) : (
          <div className="row">
            <span className="spinner" aria-hidden="true" />
            <span>{t.verifyScreen.lookedAt(looked)}</span>
            <button type="button" className="button small quiet" onClick={() => stop.current?.abort()}>
              {t.verifyScreen.stop}
            </button>
          </div>
        )}
        {failure !== undefined && <p className="error-text">{failure}</p>}
      </div>
    </div>
  );
}

function VerifyForm({ asked }: { readonly asked: string | undefined }) {
  const [text, setText] = useState(asked ?? '');
  const query = parseQuery(text);
  const parsed = 'reason' in query ? { ok: false as const, reason: query.reason } : { ok: true as const, value: query };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (parsed.ok) location.hash = `#/verify/${text.trim()}`;
      }}
    >
      <TextField
        label={t.verifyScreen.transactionHashOrSignature}
        value={text}
        onChange={setText}
        parsed={parsed}
        inputMode="text"
        hint={t.verifyScreen.theHashThatEveryPurchase}
      />
      <button type="submit" className="button primary" disabled={!parsed.ok}>
        {t.verifyScreen.verify}
      </button>
    </form>
  );
}

/** What a bid was for, and what became of it. */
function bidFacts(bid: BidTale, bus: Bus): readonly (readonly [string, ReactNode])[] {
  return [
    [t.auction.bidFor2, <Energy key="b" wh={bid.energyWh} />],
    [t.auction.limit, <Tokens key="l" units={bid.maxPricePerKwh} bus={bus} />],
    [t.auction.window, `${bus.name}, ${deliveryTime(bus, bid.windowStart)}`],
    [t.auction.deposit, <Tokens key="d" units={bid.deposit} bus={bus} />],
    [t.auction.outcome, bidState(bid)],
  ];
}

function PurchaseProof({ purchase }: { readonly purchase: Processed }) {
  const [isDetailed, setIsDetailed] = useState(false);
  const [proof, setProof] = useState(purchase.proof);
  const { buses, tombstones, origins, capacities } = useMarket();
  const known = purchase.fills.map(({ offer }) =>
    buses.get(purchase.buses.get(offer) ?? origins.get(offer)?.bus ?? ('' as never)),
  );
  const { bid } = purchase;
  const place =
    bid?.bus ?? purchase.fills.flatMap(({ offer }) => purchase.buses.get(offer) ?? origins.get(offer)?.bus ?? [])[0];
  // Never the token of any bus: a sum in another token would be another sum.
  const payable = tokenPaidOn({ buses, tombstones }, place) ?? onlyToken({ buses, tombstones });
  const bus = bid === undefined ? undefined : buses.get(bid.bus);
  const fees = purchase.fills.map(({ offer, energyWh }) => {
    const perKwh = origins.get(offer)?.gridFeePerKwh;
    return perKwh === undefined ? undefined : energyWh * perKwh;
  });
  const gridFee = fees.reduce((sum, fee) => (sum === undefined || fee === undefined ? undefined : sum + fee), 0n);
  return (
    <Card
      className="receipt"
      title={
        <span className="row good">
          <CheckIcon /> {bid === undefined ? t.verifyScreen.processedExactlyOnce : t.auction.receipt}
        </span>
      }
      aside={
        <button
          type="button"
          className="button small quiet"
          onClick={() => {
            // On paper the proof is whole.
            flushSync(() => setIsDetailed(true));
            window.print();
          }}
        >
          {t.verifyScreen.print}
        </button>
      }
    >
      <p className="receipt-date">{t.verifyScreen.receiptOf(momentLabel(purchase.at))}</p>
      <Facts
        facts={[
          ...(bid === undefined || bus === undefined ? [] : bidFacts(bid, bus)),
          [t.verifyScreen.energy, <Energy key="e" wh={purchase.energyWh} />],
          [
            t.verifyScreen.paid,
            payable === undefined ? (
              <span key="p" className="number">
                {t.totals.baseUnits(formatUnits(purchase.paid))}
              </span>
            ) : (
              <span key="p">
                <Tokens units={purchase.paid} bus={payable} /> <Worth units={purchase.paid} bus={payable} />
              </span>
            ),
          ],
          ...(payable === undefined || gridFee === undefined || gridFee < WH_PER_KWH
            ? []
            : [[t.totals.ofItGridFee, <Tokens key="g" units={gridFee / WH_PER_KWH} bus={payable} />] as const]),
          [t.verifyScreen.buyer, <AddressLabel key="b" address={purchase.wallet} copy />],
          ...(payable === undefined
            ? []
            : [[t.verifyScreen.token, <AddressLabel key="t" address={payable.mint} copy />] as const]),
        ]}
      />
      {purchase.fills.length > 0 && (
        <FillTable
          label={t.verifyScreen.whatWasBought}
          from={t.verifyScreen.offer}
          decimals={payable?.decimals ?? 0}
          token={payable?.token}
          groups={[
            {
              rows: purchase.fills.map((fill, index) => ({
                ...fill,
                key: fill.offer,
                from: (
                  <>
                    {known[index] === undefined ? '' : `${known[index].name} `}
                    <Seller offer={fill.offer} />
                    <Delivery offer={fill.offer} bus={known[index]} />
                  </>
                ),
              })),
            },
          ]}
        />
      )}
      {bid !== undefined && bus !== undefined && (bid.settlement?.allottedWh ?? 0n) > 0n && (
        <>
          <h3>{t.auction.howItsAuctionWent}</h3>
          <Check bus={bus} capacity={capacities.get(bid.capacity)} windowStart={bid.windowStart} />
        </>
      )}
      <CheckedProof proof={proof} onChecked={setProof} />
      <details
        className="more receipt-details"
        open={isDetailed}
        onToggle={({ currentTarget }) => setIsDetailed(currentTarget.open)}
      >
        <summary>{t.verifyScreen.details}</summary>
        <Facts
          facts={[
            [
              t.verifyScreen.transactionHash,
              <Digits key="h" text={purchase.hash} copy={t.verifyScreen.copyTheTransactionHash} />,
            ],
            ...(purchase.signature === undefined
              ? []
              : [
                  [
                    t.verifyScreen.signature,
                    <Digits key="s" text={purchase.signature} copy={t.verifyScreen.copyTheSignature} />,
                  ] as const,
                ]),
            [
              t.verifyScreen.laneAndNonce,
              <span key="n" className="mono">{`${purchase.lane} / ${purchase.nonce}`}</span>,
            ],
            ...rootFacts(proof),
          ]}
        />
      </details>
    </Card>
  );
}

/** A long text of digits, to copy. */
function Digits({ text, copy }: { readonly text: string; readonly copy: string }) {
  return (
    <span className="row">
      <span className="mono break">{text}</span>
      <CopyButton text={text} label={copy} />
    </span>
  );
}

/** The history's root, where it was checked: as it is on chain, and as this node's history makes it where that differs. */
function rootFacts(proof: Proof): readonly (readonly [string, ReactNode])[] {
  if (proof.kind !== 'proven' && proof.kind !== 'mismatch') return [];
  const root = [
    t.verifyScreen.historyRoot,
    <Digits key="r" text={proof.root} copy={t.verifyScreen.copyTheHistoryRoot} />,
  ] as const;
  if (proof.kind === 'proven') return [root];
  const computed = <Digits key="c" text={proof.computed} copy={t.verifyScreen.copyTheComputedRoot} />;
  return [root, [t.verifyScreen.computedRoot, computed]];
}

/** Who sold an offer; the offer itself where that is not known any more. */
function Seller({ offer }: { readonly offer: Address }) {
  const { origins, sellers, offers } = useMarket();
  const account = origins.get(offer)?.seller;
  const wallet = offers.get(offer)?.wallet ?? (account === undefined ? undefined : sellers.get(account)?.wallet);
  return <AddressLabel address={wallet ?? account ?? offer} />;
}

/** When the energy of an offer is delivered, where that is known. */
function Delivery({ offer, bus }: { readonly offer: Address; readonly bus: Bus | undefined }) {
  const { origins } = useMarket();
  const windowStart = origins.get(offer)?.windowStart;
  if (windowStart === undefined) return null;
  if (bus === undefined) return <span className="sub block">{deliveryLabel(windowStart, undefined)}</span>;
  const settlement = settlementOf(bus, windowStart);
  return (
    <span className="sub block">
      {deliveryTime(bus, windowStart)}
      {settlement !== undefined && `, ${settlement}`}
    </span>
  );
}

/** The proof; the whole history of a lane is read for who asks for it. */
function CheckedProof({ proof, onChecked }: { readonly proof: Proof; readonly onChecked: (proof: Proof) => void }) {
  const { live } = useSession();
  const [looked, setLooked] = useState<number>();
  const [failure, setFailure] = useState<string>();
  if (proof.kind !== 'receipt' && proof.kind !== 'older') return <ProofText proof={proof} />;
  const check = () => {
    setLooked(0);
    setFailure(undefined);
    history(live.connection, proof.lane, setLooked)
      .then(
        (checked) => onChecked(checked.proof),
        (error: unknown) => setFailure(sentence(error)),
      )
      .finally(() => setLooked(undefined));
  };
  return (
    <div className={proof.kind === 'receipt' ? 'status done' : 'status noted'}>
      {proof.kind === 'receipt' && <CheckIcon />}
      <div className="stack tight">
        <p>{proof.kind === 'receipt' ? t.verifyScreen.theLaneKeepsIt : t.verifyScreen.laterReceiptsTookIts}</p>
        {looked === undefined ? (
          <button type="button" className="button small quiet" onClick={check}>
            {t.verifyScreen.checkAll(proof.purchases)}
          </button>
        ) : (
          <span role="status">{t.verifyScreen.lookedAt(looked)}</span>
        )}
        {failure !== undefined && <p className="error-text">{failure}</p>}
      </div>
    </div>
  );
}

type Checked = Exclude<Proof, { readonly kind: 'receipt' | 'older' }>;

function ProofText({ proof }: { readonly proof: Checked }) {
  switch (proof.kind) {
    case 'proven':
      return (
        <div className="status done">
          <CheckIcon />
          <div>{t.verifyScreen.proven(proof.purchases)}</div>
        </div>
      );
    case 'gap':
      return <div className="status noted">{t.verifyScreen.missing(proof.missing)}</div>;
    case 'mismatch':
      return <div className="status failed">{t.verifyScreen.theHistoryOfThisNode}</div>;
    case 'closed':
      return <div className="status noted">{t.verifyScreen.theLaneWasClosedSince}</div>;
  }
}
