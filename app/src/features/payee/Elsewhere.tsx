/** Being paid to another token account than the usual one. */

import type { Address } from '@solana/kit';
import { useState } from 'react';

import { tokenAccountAddress } from '../../chain/address';
import { readAccounts } from '../../chain/connection';
import { payeeAt } from '../../chain/tokenAccount';
import { isUnreachable } from '../../errors/explain';
import type { Payer } from '../../market/payee';
import { useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { TextField } from '../../ui/fields';
import { t } from '../../words';
import { parseAddress } from '../bus/bus';

/** An account that somebody names. */
export interface Named {
  readonly text: string;
  readonly setText: (text: string) => void;
  /** `undefined` where none is named. */
  readonly to: Address | undefined;
  /** Whether something stands in the box that is no address. */
  readonly isUnreadable: boolean;
}

/** The account that is named in a component. */
export function useNamed(): Named {
  const [text, setText] = useState('');
  const parsed = parseAddress(text);
  return { text, setText, to: parsed.ok ? parsed.value : undefined, isUnreadable: text.trim() !== '' && !parsed.ok };
}

/** Naming another token account that is paid. */
export function Elsewhere({ of: { text, setText } }: { readonly of: Named }) {
  return (
    <details className="more">
      <summary>{t.payee.payElsewhere}</summary>
      <div className="stack tight">
        <p className="hint">{t.payee.whatElsewhereIs}</p>
        <TextField
          label={t.payee.accountToPay}
          value={text}
          onChange={setText}
          parsed={parseAddress(text)}
          inputMode="text"
        />
      </div>
    </details>
  );
}

/**
 * Says that the wallet's usual token account is missing, and so is created, or that it cannot be paid; nothing where it can.
 * `due` is what waits: the account is looked at anew where that changes.
 */
export function UsualNote({ payer, due }: { readonly payer: Payer; readonly due: bigint }) {
  const { live, wallet } = useSession();
  const key = wallet === undefined || due === 0n ? undefined : `${wallet} ${payer.mint} ${due}`;
  const answer = useAnswer(
    live,
    key,
    async () => {
      if (wallet === undefined) return undefined;
      const account = await tokenAccountAddress(wallet, payer.mint, payer.tokenProgram);
      const [found] = (await readAccounts(live.connection, [account])).accounts;
      if (found === undefined) return t.payee.usualIsMissing;
      return payeeAt(found, payer) === wallet ? undefined : t.payee.usualIsBlocked;
    },
    { isPassing: isUnreachable },
  );
  if (answer.kind !== 'answered' || answer.value === undefined) return null;
  return (
    <p className="status noted" data-payee="usual">
      <span>{answer.value}</span>
    </p>
  );
}
