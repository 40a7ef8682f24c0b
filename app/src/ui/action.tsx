/** Something that the user does on the chain: its stages, its end, and its failure in a sentence. */

import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';

import { type Stage, type PurchaseStage } from '../chain/send';
import { Declined, FateUnknown, isTold, isUnreachable, Refusal, sentence } from '../errors/explain';
import { useSession, type Session } from '../session';
import { t } from '../words';
import { classes } from './classes';
import { CheckIcon, CloseIcon } from './icons';
import { CopyButton } from './parts';
import { ReceiptLink } from './ReceiptLink';

/** Where an action stands. */
export type ActionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly stage: PurchaseStage; readonly note?: string | undefined }
  | ({ readonly kind: 'done' } & Done)
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly detail?: string | undefined;
      readonly tone: 'declined' | 'unknown' | 'error';
    };

/** What a finished action tells. */
export interface Done {
  readonly message: ReactNode;
  /** Transaction hashes of purchases. */
  readonly hashes?: readonly string[];
  /** `part` where only part of what was wanted was done. */
  readonly tone?: 'done' | 'part';
}

/** An action and its state. */
export interface Action {
  readonly state: ActionState;
  readonly isRunning: boolean;
  readonly run: (work: (onStage: (stage: PurchaseStage) => void) => Promise<Done>) => Promise<boolean>;
  readonly reset: () => void;
  /** Something else is wanted now: forgets a refusal of what was wanted before, and nothing that may have been sent. */
  readonly forgetRefusal: () => void;
}

/** Hears of each action that begins. */
const begun = new EventTarget();

/** An action of a component. What it did is told until something else is done: later, it may not be so any more. */
export function useAction(): Action {
  const [state, setState] = useState<ActionState>({ kind: 'idle' });
  const { live } = useSession();
  const own = useRef({});
  useEffect(() => {
    const forget = (event: Event) => {
      if ((event as CustomEvent).detail !== own.current)
        setState((before) => (before.kind === 'done' ? { kind: 'idle' } : before));
    };
    begun.addEventListener('begun', forget);
    return () => begun.removeEventListener('begun', forget);
  }, []);
  const run = useCallback(
    async (work: (onStage: (stage: PurchaseStage) => void) => Promise<Done>) => {
      setState({ kind: 'running', stage: 'checking' });
      begun.dispatchEvent(new CustomEvent('begun', { detail: own.current }));
      // An object, because the compiler does not see that a callback sets it.
      const asked = { wallet: false };
      try {
        const done = await work((stage) => {
          asked.wallet ||= stage !== 'checking';
          setState((before) => ({
            kind: 'running',
            stage: typeof stage === 'object' ? 'checking' : stage,
            note:
              typeof stage === 'object'
                ? t.action.somethingMovedInBetweenTrying(stage.requoted.replace(/[.;].*$/u, '').toLowerCase())
                : before.kind === 'running'
                  ? before.note
                  : undefined,
          }));
        });
        setState({ kind: 'done', ...done });
        void live.refreshBalances();
        return true;
      } catch (error) {
        if (!isTold(error) && !isUnreachable(error)) console.error(error);
        setState({
          kind: 'failed',
          message: !asked.wallet && isUnreachable(error) ? t.action.theNodeIsAwaySoNothing : sentence(error),
          detail: error instanceof Refusal ? error.detail : undefined,
          tone: error instanceof Declined ? 'declined' : error instanceof FateUnknown ? 'unknown' : 'error',
        });
        return false;
      }
    },
    [live],
  );
  const reset = useCallback(() => setState({ kind: 'idle' }), []);
  const forgetRefusal = useCallback(
    () => setState((before) => (before.kind === 'failed' && before.tone !== 'unknown' ? { kind: 'idle' } : before)),
    [],
  );
  return { state, isRunning: state.kind === 'running', run, reset, forgetRefusal };
}

const STAGES: Readonly<Record<Stage, string>> = {
  checking: t.action.checkingThatItWillGo,
  signing: t.action.waitingForYourWallet,
  confirming: t.action.sentWaitingForTheNetwork,
};

/** What the inputs of an action stand in: the nearest of these around what became of it. */
// eslint-disable-next-line words/no-text -- a selector
const FORM = 'li, form, dialog, section';

/** Shows where an action stands. */
export function ActionStatus({ action }: { readonly action: Action }) {
  const { state } = action;
  const box = useRef<HTMLDivElement>(null);
  // Another input in its form means that something else is wanted.
  const { forgetRefusal } = action;
  useEffect(() => {
    const form = box.current?.closest(FORM);
    // Later, because React must have read the input before anything is drawn.
    const forget = () => setTimeout(forgetRefusal);
    form?.addEventListener('input', forget);
    return () => form?.removeEventListener('input', forget);
  }, [forgetRefusal]);
  // What its button covers, or the end of the window, comes into view; what is in view already stays where it is.
  useEffect(() => {
    if (state.kind !== 'idle') box.current?.scrollIntoView({ block: 'nearest' });
  }, [state.kind]);
  // While it ran, its button was disabled, which takes the focus from the keyboard: it goes on at what became of it.
  useEffect(() => {
    const isLost = document.activeElement === null || document.activeElement === document.body;
    if ((state.kind === 'done' || state.kind === 'failed') && isLost) box.current?.focus({ preventScroll: true });
  }, [state.kind]);
  return (
    <div ref={box} className="action-status" role="status" aria-live="polite" tabIndex={-1}>
      {state.kind === 'running' && (
        <div className="status running">
          <span className="spinner" aria-hidden="true" />
          <div>
            {typeof state.stage === 'string' && STAGES[state.stage]}
            {state.note !== undefined && <p className="hint">{state.note}</p>}
          </div>
        </div>
      )}
      {state.kind === 'done' && (
        <div className={state.tone === 'part' ? 'status noted' : 'status done'}>
          {state.tone !== 'part' && <CheckIcon />}
          <div>
            {state.message}
            {state.hashes?.map((hash) => (
              <HashLine key={hash} hash={hash} />
            ))}
          </div>
          <Dismiss action={action} />
        </div>
      )}
      {state.kind === 'failed' && (
        <div className={classes('status', state.tone === 'error' ? 'failed' : 'noted')}>
          <div>
            {state.message}
            {state.detail !== undefined && <p className="hint">{state.detail}</p>}
          </div>
          <Dismiss action={action} />
        </div>
      )}
    </div>
  );
}

/** The receipt of a purchase, and its transaction hash to copy. */
export function HashLine({ hash }: { readonly hash: string }) {
  return (
    <p className="hash">
      <ReceiptLink hash={hash} />
      <CopyButton text={hash} label={t.action.copyTheTransactionHash} />
    </p>
  );
}

function Dismiss({ action }: { readonly action: Action }) {
  return (
    <button type="button" className="icon-button small" aria-label={t.action.dismiss} onClick={action.reset}>
      <CloseIcon size={14} />
    </button>
  );
}

/** A button that needs a wallet: without one it asks to connect. Without `onClick` it submits its form. */
export function WalletButton({
  children,
  onClick,
  disabled = false,
  busy = false,
  tone = 'primary',
}: {
  readonly children: ReactNode;
  readonly onClick?: () => void;
  readonly disabled?: boolean;
  readonly busy?: boolean;
  readonly tone?: 'primary' | 'quiet' | 'danger';
}) {
  const session = useSession();
  const { wallet, signer, openWallet } = session;
  if (wallet === undefined) {
    return (
      <button type="button" className={`button ${tone}`} onClick={() => openWallet(true)}>
        {t.action.connectAWallet}
      </button>
    );
  }
  return (
    <>
      <button
        type={onClick === undefined ? 'submit' : 'button'}
        className={`button ${tone}`}
        disabled={disabled || busy || signer === undefined}
        onClick={onClick}
      >
        {children}
      </button>
      {signer === undefined && tone === 'primary' && <p className="error-text">{whyNotSigning(session)}</p>}
    </>
  );
}

/** Why the connected wallet does not sign. */
function whyNotSigning({ connected, genesis, network }: Session): string {
  if (genesis === undefined) return t.action.doesNotAnswerYetSo(network.name);
  return t.action.doesNotSignForSwitch(connected?.wallet.name ?? t.action.yourWallet, network.name);
}
