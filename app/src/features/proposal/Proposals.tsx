/** The decisions of a bus: what is proposed, who approves, when it takes effect; and proposing. */

import { useState } from 'react';

import { plainDecimal } from '../../amount/decimal';
import { formatEnergy } from '../../amount/energy';
import { duration, timeLabel } from '../../amount/time';
import { formatBps, formatTokens, parseBps, parsePrice } from '../../amount/token';
import {
  approvalsNeeded,
  approvers,
  isOwner,
  LISTINGS,
  lowestPrice,
  stageOf,
  type Action,
  type Bus,
  type Proposal,
  type ProposalStage,
} from '../../market/model';
import { areTermsFixed, earliestTerms, operatorNeededUntil } from '../../market/terms';
import { compare } from '../../order';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Dialog } from '../../ui/dialog';
import { EnergyField, readEnergy, Select, TextField, type EnergyInputValue } from '../../ui/fields';
import { AddressLabel, Card, Empty, useNameOf } from '../../ui/parts';
import { Ago, Countdown, useNow } from '../../ui/time';
import { t } from '../../words';
import { parseAddress } from '../bus/bus';
import { TIMELOCK_CHOICES } from '../bus/CreateBus';
import { readTerms, TermsFields, withPresent } from '../terms/TermsFields';
import { Change } from './change';
import { PastDecisions } from './PastDecisions';
import { isAtOnce, proposalCreate, proposalDo, whyPointless, type ProposalVerb } from './proposal';
import { startOf } from './start';
import { ACTION_GROUPS, ACTION_TITLES } from './titles';

const STAGES: Readonly<Record<ProposalStage, readonly [string, string]>> = {
  executed: [t.proposals.carriedOut, 'good'],
  stale: [t.proposals.staleOwnersSharesOrThreshold, 'muted'],
  expired: [t.proposals.expired, 'muted'],
  abandoned: [t.proposals.approvedByNobody, 'muted'],
  collecting: [t.proposals.needsApprovals, 'warning'],
  waiting: [t.proposals.approvedInItsTimelock, 'warning'],
  ready: [t.proposals.readyToBeCarriedOut, 'good'],
};

/** Proposals of a bus, newest first. */
export function Proposals({ bus }: { readonly bus: Bus }) {
  const { proposals } = useMarket();
  const { wallet } = useSession();
  const [isOpen, setIsOpen] = useState(false);
  const own = [...proposals.values()]
    .filter((proposal) => proposal.bus === bus.address)
    // The numbers of one owner's proposals grow; other owners count on their own.
    .sort((a, b) => b.createdAt - a.createdAt || compare(a.proposer, b.proposer) || compare(b.number, a.number));
  return (
    <Card
      title={t.proposals.decisions}
      aside={
        isOwner(bus, wallet) &&
        !bus.closing && (
          <button type="button" className="button small" onClick={() => setIsOpen(true)}>
            {t.proposals.proposeAChange}
          </button>
        )
      }
    >
      {own.length === 0 ? (
        <Empty>{t.proposals.nothing(bus.threshold, bus.owners.length)}</Empty>
      ) : (
        <ul className="stack proposals">
          {own.map((proposal) => (
            <ProposalCard key={proposal.address} bus={bus} proposal={proposal} />
          ))}
        </ul>
      )}
      <PastDecisions bus={bus} />
      {isOpen && <ProposeDialog bus={bus} onClose={() => setIsOpen(false)} />}
    </Card>
  );
}

function ProposalCard({ bus, proposal }: { readonly bus: Bus; readonly proposal: Proposal }) {
  const { live, signer, wallet } = useSession();
  const now = useNow();
  const action = useAction();
  const stage = stageOf(proposal, bus, now);
  const [label, tone] = STAGES[stage];
  const approving = approvers(proposal, bus);
  const isMine = wallet !== undefined && approving.includes(wallet);
  const isOpen = stage === 'collecting' || stage === 'waiting' || stage === 'ready' || stage === 'abandoned';
  const run = (verb: ProposalVerb, message: string) => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await proposalDo(live, signer, bus, proposal, verb, onStage);
      return { message };
    });
  };
  return (
    <li className="tile" data-proposal={proposal.address}>
      <div className="row spread wrap">
        <h3>{proposal.action === undefined ? t.proposals.aChangeThatThisApp : ACTION_TITLES[proposal.action.kind]}</h3>
        <span className={`badge ${tone}`}>{label}</span>
      </div>
      {proposal.action !== undefined && <Change bus={bus} action={proposal.action} isDone={!isOpen} />}
      <p className="sub">
        {t.proposals.proposedBy(
          <AddressLabel address={proposal.proposer} />,
          <Ago at={proposal.createdAt} />,
          stage === 'waiting' && <>{t.proposals.takesEffectIn(<Countdown until={proposal.executableAt} />)}</>,
        )}
        {isOpen && <> {t.proposals.until(timeLabel(proposal.expiresAt))}</>}
      </p>
      {isOpen && (
        <ul className="approvals" aria-label={t.proposals.approvals}>
          {bus.owners.map(({ wallet: owner }) => (
            <li key={owner} className={approving.includes(owner) ? 'yes' : 'no'}>
              <AddressLabel address={owner} />:{' '}
              {approving.includes(owner) ? t.proposals.approves : t.proposals.hasNotApproved}
            </li>
          ))}
          <li className="hint">{t.proposals.ofNeeded(approving.length, approvalsNeeded(proposal, bus))}</li>
        </ul>
      )}
      <div className="row wrap">
        {isOpen && isOwner(bus, wallet) && !isMine && (
          <WalletButton onClick={() => run('approve', t.proposals.youApproveThisProposal)} busy={action.isRunning}>
            {t.proposals.approve}
          </WalletButton>
        )}
        {isOpen && isMine && (
          <WalletButton
            tone="quiet"
            onClick={() => run('revoke', t.proposals.yourApprovalIsTakenBack)}
            busy={action.isRunning}
          >
            {t.proposals.revoke}
          </WalletButton>
        )}
        {(stage === 'ready' || stage === 'waiting') && (
          <WalletButton
            onClick={() => run('execute', t.proposals.carriedOutTheBusIs)}
            busy={action.isRunning}
            disabled={stage === 'waiting'}
          >
            {t.proposals.carryOut}
          </WalletButton>
        )}
        {(stage === 'executed' || stage === 'stale' || stage === 'expired' || stage === 'abandoned') && (
          <WalletButton
            tone="quiet"
            onClick={() => run('close', t.proposals.closedItsRentWentBack)}
            busy={action.isRunning}
          >
            {t.proposals.close}
          </WalletButton>
        )}
      </div>
      <ActionStatus action={action} />
    </li>
  );
}

type Kind = Action['kind'];

/** Changes that name a wallet, and what the wallet is called. */
const WITH_WALLET: Readonly<Partial<Record<Kind, string>>> = {
  ownerReplace: t.proposals.newKey,
  sellerAdmit: t.proposals.sellersWallet,
  sellerSuspend: t.proposals.sellersWallet,
  operatorSet: t.proposals.newOperator,
  gridRecipientSet: t.proposals.newGridRecipient,
};

function ProposeDialog({ bus, onClose }: { readonly bus: Bus; readonly onClose: () => void }) {
  const action = useAction();
  const [kind, setKind] = useState<Kind>('basePriceSet');
  const isPossible = (candidate: Kind) =>
    candidate !== (bus.paused ? 'pause' : 'resume') && (candidate !== 'ownerRemove' || bus.owners.length > 1);
  const groups = ACTION_GROUPS.map(({ name, kinds }) => ({
    title: t.proposals.groups[name],
    options: kinds.filter(isPossible).map((candidate) => [candidate, ACTION_TITLES[candidate]] as const),
  }));
  return (
    <Dialog title={t.proposals.proposeAChange} onClose={onClose} wide>
      <div className="stack">
        <Select label={t.proposals.whatToChange} value={kind} groups={groups} onChange={setKind} />
        <ProposeForm key={kind} bus={bus} kind={kind} action={action} />
      </div>
    </Dialog>
  );
}

/** One change: its boxes start at what is so already. */
function ProposeForm({
  bus,
  kind,
  action,
}: {
  readonly bus: Bus;
  readonly kind: Kind;
  readonly action: ReturnType<typeof useAction>;
}) {
  const { live, signer } = useSession();
  const { sellers } = useMarket();
  const [start] = useState(() => startOf(bus, kind));
  // A form that nobody has touched does not say that it changes nothing.
  const [isTouched, setIsTouched] = useState(false);
  const touching =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      setIsTouched(true);
      set(value);
    };
  const [price, setPrice] = useState(start.price);
  const [capacity, setCapacity] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [owner, setOwner] = useState('');
  const [shares, setShares] = useState<Readonly<Record<string, string>>>({});
  const [threshold, setThreshold] = useState(start.threshold);
  const [timelock, setTimelock] = useState(start.timelock);
  const [listing, setListing] = useState(start.listing);
  const [wallet, setWallet] = useState(start.wallet);
  const [pauseQuorum, setPauseQuorum] = useState(start.pauseQuorum);
  const [least, setLeast] = useState<EnergyInputValue>({ text: '', unit: 'Wh' });
  const [terms, setTerms] = useState(start.terms);
  const [later, setLater] = useState<keyof typeof LATER>('0');
  const now = useNow();
  const [fee, setFee] = useState('');
  const nameOf = useNameOf();

  const parsedOwner = parseAddress(owner);
  const leaving = bus.owners.find(({ wallet }) => wallet === owner)?.wallet ?? bus.owners.at(-1)?.wallet;
  const present = bus.owners.map(({ wallet }) => wallet);
  const members =
    kind === 'ownerAdd'
      ? [...new Set([...present, ...(parsedOwner.ok ? [parsedOwner.value] : [])])]
      : kind === 'ownerRemove'
        ? present.filter((wallet) => wallet !== leaving)
        : present;
  const shareOfMember = (wallet: string) =>
    shares[wallet] ?? plainShare(bus.owners.find((place) => place.wallet === wallet)?.shareBps ?? 0);
  const parsedShares = members.map((wallet) => parseBps(shareOfMember(wallet)));
  const sum = parsedShares.reduce((total, share) => total + (share.ok ? share.value : 0), 0);
  const sharesBps =
    sum === 10_000 && parsedShares.every(({ ok }) => ok)
      ? parsedShares.map((share) => (share.ok ? share.value : 0))
      : undefined;
  const parsedPrice = parsePrice(price, bus.decimals);
  const parsedCapacity = readEnergy(capacity);
  const parsedFee = parseBps(fee);
  const parsedWallet = parseAddress(wallet);
  const parsedLeast = readEnergy(least);
  const parsedTerms = readTerms(terms, bus.decimals, bus.operator !== undefined);
  // Other owners and the timelock take their time: the terms must still be far enough ahead when they are carried out.
  const decidedIn = bus.threshold === 1 ? bus.timelockSeconds + DECIDE_ALONE : bus.timelockSeconds + DECIDE_TOGETHER;
  const firstFrom = (seconds: number) => earliestTerms(bus, Number(terms.windowSeconds), now + decidedIn + seconds);
  const termsFrom = firstFrom(Number(later));
  const isFixed = areTermsFixed(bus, now);
  const neededUntil = operatorNeededUntil(bus);

  const built = ((): Action | undefined => {
    switch (kind) {
      case 'ownerAdd':
        return parsedOwner.ok && sharesBps !== undefined ? { kind, owner: parsedOwner.value, sharesBps } : undefined;
      case 'ownerRemove':
        return leaving !== undefined && sharesBps !== undefined ? { kind, owner: leaving, sharesBps } : undefined;
      case 'sharesSet':
        return sharesBps === undefined ? undefined : { kind, sharesBps };
      case 'thresholdSet':
        return { kind, threshold: Number(threshold) };
      case 'timelockSet':
        return { kind, timelockSeconds: Number(timelock) };
      case 'capacitySet':
        return parsedCapacity.ok ? { kind, capacityWh: parsedCapacity.value } : undefined;
      case 'basePriceSet':
        return parsedPrice.ok ? { kind, basePricePerKwh: parsedPrice.value } : undefined;
      case 'listingPolicySet':
        return { kind, listing };
      case 'termsSet':
        // The same terms from another time are a change, which nobody wants who has touched nothing.
        return isTouched && parsedTerms.ok && !isFixed
          ? { kind, terms: { ...parsedTerms.value, from: termsFrom } }
          : undefined;
      case 'lockFeeSet':
        return parsedFee.ok && parsedFee.value <= 500 ? { kind, lockFeeBps: parsedFee.value } : undefined;
      case 'pause':
      case 'resume':
      case 'busClose':
        return { kind };
      case 'ownerReplace':
        return leaving !== undefined && parsedWallet.ok
          ? { kind, owner: leaving, newOwner: parsedWallet.value }
          : undefined;
      case 'pauseQuorumSet':
        return { kind, pauseQuorum: Number(pauseQuorum) };
      case 'sellerAdmit':
      case 'sellerSuspend':
        return parsedWallet.ok ? { kind, wallet: parsedWallet.value } : undefined;
      case 'reservePriceSet':
        return price.trim() === ''
          ? { kind, reservePricePerKwh: 0n }
          : parsedPrice.ok
            ? { kind, reservePricePerKwh: parsedPrice.value }
            : undefined;
      case 'leastSizeSet':
        return parsedLeast.ok ? { kind, leastWh: parsedLeast.value } : undefined;
      case 'gridRecipientSet':
        return wallet.trim() === ''
          ? { kind, recipient: undefined }
          : parsedWallet.ok && parsedWallet.value !== bus.address
            ? { kind, recipient: parsedWallet.value }
            : undefined;
      case 'operatorSet':
        return wallet.trim() === ''
          ? now >= neededUntil
            ? { kind, operator: undefined }
            : undefined
          : parsedWallet.ok
            ? { kind, operator: parsedWallet.value }
            : undefined;
    }
  })();
  const isDone = action.state.kind === 'done';
  const atOnce = built !== undefined && isAtOnce(bus, built);
  const pointless = built === undefined ? undefined : whyPointless(bus, built, sellers.values());
  const propose = () => {
    if (built === undefined || signer === undefined) return;
    void action.run(async (onStage) => {
      await proposalCreate(live, signer, bus, built, onStage);
      return {
        message: atOnce
          ? t.proposals.decidedAndCarriedOut
          : t.proposals.proposedAndApprovedByYou(
              bus.threshold > 1
                ? t.proposals.theOtherOwnersSeeIt
                : t.proposals.itCanBeCarriedOut(duration(bus.timelockSeconds)),
            ),
      };
    });
  };
  return (
    <>
      {kind === 'basePriceSet' && (
        <TextField
          label={t.proposals.newBasePricePerKwh}
          value={price}
          onChange={touching(setPrice)}
          parsed={parsedPrice}
          suffix={bus.token}
          hint={t.proposals.now(t.change.perKwh(formatTokens(bus.basePricePerKwh, bus.decimals), bus.token))}
        />
      )}
      {kind === 'capacitySet' && (
        <EnergyField
          label={t.proposals.newCapacity}
          value={capacity}
          onChange={touching(setCapacity)}
          hint={t.proposals.now(formatEnergy(bus.capacityWh))}
        />
      )}
      {kind === 'ownerAdd' && (
        <TextField
          label={t.proposals.newOwnersWallet}
          value={owner}
          onChange={touching(setOwner)}
          parsed={parsedOwner}
          inputMode="text"
        />
      )}
      {(kind === 'ownerRemove' || kind === 'ownerReplace') && leaving !== undefined && (
        <Select
          label={kind === 'ownerRemove' ? t.proposals.ownerWhoLeaves : t.proposals.ownersPresentKey}
          value={leaving}
          options={bus.owners.map(({ wallet: address }) => [address, nameOf(address)])}
          onChange={touching(setOwner)}
          hint={kind === 'ownerRemove' ? t.proposals.whatItEarnedUntilThen : t.proposals.theNewKeyHasAll}
        />
      )}
      {(kind === 'ownerAdd' || kind === 'ownerRemove' || kind === 'sharesSet') && (
        <fieldset>
          <legend>{t.proposals.sharesAfterwards}</legend>
          {members.map((wallet, index) => (
            <div key={wallet} className="share-row">
              <AddressLabel address={wallet} />
              <TextField
                label={t.proposals.shareOfOwner(index + 1)}
                value={shareOfMember(wallet)}
                onChange={touching((text) => setShares({ ...shares, [wallet]: text }))}
                parsed={parsedShares[index] ?? { ok: true, value: 0 }}
                suffix="%"
              />
            </div>
          ))}
          <p className={sum === 10_000 ? 'hint' : 'warning-text'}>
            {t.proposals.theyMake(formatBps(sum), sum === 10_000 ? '' : t.proposals.theyMustMake100)}
          </p>
        </fieldset>
      )}
      {WITH_WALLET[kind] !== undefined && (
        <TextField
          label={WITH_WALLET[kind]}
          value={wallet}
          onChange={touching(setWallet)}
          parsed={parsedWallet}
          inputMode="text"
          {...(kind === 'operatorSet' && { placeholder: t.proposals.nobody, hint: t.proposals.whatTheOperatorDoes })}
          {...(kind === 'gridRecipientSet' && {
            placeholder: t.treasury.theTreasury,
            hint: t.proposals.whatTheGridRecipientIs,
          })}
          {...(kind === 'sellerSuspend' && { hint: t.proposals.whatSuspendingDoes })}
        />
      )}
      {kind === 'pauseQuorumSet' && (
        <Select
          label={t.proposals.approvalsThatPausingNeeds}
          value={pauseQuorum}
          options={[
            ['0', t.proposals.asManyAsAnyDecision],
            ...Array.from(
              { length: bus.threshold },
              (_, index) => [String(index + 1), t.owners.outOf(String(index + 1), bus.owners.length)] as const,
            ),
          ]}
          onChange={touching(setPauseQuorum)}
        />
      )}
      {kind === 'reservePriceSet' && (
        <TextField
          label={t.proposals.newReservePricePerKwh}
          value={price}
          onChange={touching(setPrice)}
          parsed={parsedPrice}
          placeholder={t.proposals.asTheBasePrice}
          suffix={bus.token}
          hint={t.proposals.now(t.change.perKwh(formatTokens(lowestPrice(bus, true), bus.decimals), bus.token))}
        />
      )}
      {kind === 'leastSizeSet' && (
        <EnergyField
          label={t.proposals.newLeastSize}
          value={least}
          onChange={touching(setLeast)}
          hint={t.proposals.now(formatEnergy(bus.leastWh))}
        />
      )}
      {kind === 'busClose' && <p className="status noted">{t.proposals.whatClosingDoes}</p>}
      {kind === 'thresholdSet' && (
        <Select
          label={t.proposals.approvalsThatADecisionNeeds}
          value={threshold}
          options={bus.owners.map((_, index) => [
            String(index + 1),
            t.owners.outOf(String(index + 1), bus.owners.length),
          ])}
          onChange={touching(setThreshold)}
        />
      )}
      {kind === 'timelockSet' && (
        <Select
          label={t.proposals.decisionsTakeEffect}
          value={timelock}
          options={withPresent(TIMELOCK_CHOICES, start.timelock)}
          onChange={touching(setTimelock)}
        />
      )}
      {kind === 'listingPolicySet' && (
        <Select
          label={t.proposals.whoMayListEnergy}
          options={LISTINGS.map((policy) => [policy, t.listings[policy]])}
          value={listing}
          onChange={touching(setListing)}
        />
      )}
      {kind === 'operatorSet' && wallet.trim() === '' && now < neededUntil && (
        <p className="status noted">
          {Number.isFinite(neededUntil)
            ? t.proposals.theOperatorIsNeededUntil(timeLabel(neededUntil))
            : t.proposals.theOperatorIsNeeded}
        </p>
      )}
      {kind === 'termsSet' && (
        <>
          <TermsFields value={terms} onChange={touching(setTerms)} decimals={bus.decimals} token={bus.token} />
          <Select
            label={t.proposals.termsHoldFrom}
            value={later}
            options={LATER_CHOICES.map((choice) => [choice, timeLabel(firstFrom(Number(choice)))])}
            onChange={touching(setLater)}
            hint={t.proposals.whyNotEarlier(duration(bus.horizonSeconds))}
          />
          {!parsedTerms.ok && <p className="error-text">{parsedTerms.reason}</p>}
          {isFixed && bus.nextTerms !== undefined && (
            <p className="status noted">{t.proposals.termsAreFixed(timeLabel(bus.nextTerms.from))}</p>
          )}
        </>
      )}
      {kind === 'lockFeeSet' && (
        <TextField
          label={t.proposals.newLockFee}
          value={fee}
          onChange={touching(setFee)}
          parsed={parsedFee.ok && parsedFee.value > 500 ? { ok: false, reason: t.proposals.atMost5 } : parsedFee}
          suffix="%"
          hint={t.proposals.now(formatBps(bus.lockFeeBps))}
        />
      )}
      {built !== undefined && pointless === undefined && !isDone && <Change bus={bus} action={built} />}
      {!isDone && (
        <>
          {pointless !== undefined && isTouched && !action.isRunning ? (
            <p className="status noted">{pointless}</p>
          ) : (
            <p className="hint">
              {atOnce
                ? t.proposals.yourApprovalIsEnoughThis
                : t.proposals.needs(
                    kind === 'pause' ? bus.pauseApprovals : bus.threshold,
                    bus.owners.length,
                    bus.timelockSeconds > 0 && kind !== 'pause' ? duration(bus.timelockSeconds) : undefined,
                  )}
            </p>
          )}
          <WalletButton
            onClick={propose}
            busy={action.isRunning}
            disabled={built === undefined || pointless !== undefined}
            tone={kind === 'busClose' ? 'danger' : 'primary'}
          >
            {!atOnce
              ? t.proposals.propose
              : kind === 'busClose'
                ? t.proposals.closeForGood(bus.name)
                : t.proposals.changeIt}
          </WalletButton>
        </>
      )}
      <ActionStatus action={action} />
    </>
  );
}

/** How much later than the earliest moment next terms may start, in seconds. */
const LATER = { '0': 0, '86400': 86_400, '604800': 604_800, '2592000': 2_592_000 } as const;
const LATER_CHOICES = Object.keys(LATER) as readonly (keyof typeof LATER)[];
/** Time that is left to decide before terms would be too near: for one owner alone, and for several. */
const DECIDE_ALONE = 600;
const DECIDE_TOGETHER = 86_400;

const plainShare = (bps: number) => plainDecimal(BigInt(bps), 2);
