/** Certificates of origin: those that can be taken, and those that the wallet has, to give away or to retire. */

import { useState } from 'react';

import { formatEnergy, plainEnergy } from '../../amount/energy';
import { windowLabel } from '../../amount/time';
import { formatSol } from '../../amount/token';
import { rentOf } from '../../chain/connection';
import { isUnreachable } from '../../errors/explain';
import { getCertificateSize } from '../../generated';
import { windowStartOf } from '../../market/delivery';
import type { Certificate } from '../../market/model';
import { compare } from '../../order';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Energy } from '../../ui/amounts';
import { Dialog } from '../../ui/dialog';
import { EnergyField, readEnergy, TextField, type EnergyInputValue } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { AddressLabel, Card, Facts } from '../../ui/parts';
import { useShown } from '../../ui/shown';
import { t } from '../../words';
import { parseAddress } from '../bus/bus';
import {
  certificateRetire,
  certificateTake,
  certificateTransfer,
  certifiedWh,
  parseBeneficiary,
  type Certifiable,
} from './certificate';
import { useCertifiable } from './useCertifiable';

/** Where the card is on the screen, for who is led there. */
export const CERTIFICATES_CARD = 'certificates';

/** Those to take that are listed at once. */
const LISTED = 6;
/** Own ones that are listed at once. */
const OWN_LISTED = 24;

/** The card; nothing for a wallet that has none and can take none. */
export function Certificates() {
  const { wallet } = useSession();
  const { certificates } = useMarket();
  const toTake = useCertifiable();
  // Between the book that says "taken" and the certificate there is nothing to list; what was done is told all the same.
  const taking = useAction();
  const [dialog, setDialog] = useState<{ readonly certificate: Certificate; readonly what: 'give' | 'retire' }>();
  const own = [...certificates.values()]
    .filter(({ owner }) => owner === wallet)
    .sort(
      (a, b) => b.windowStart - a.windowStart || compare(a.device, b.device) || compare(a.rangeStart, b.rangeStart),
    );
  const [shown, more] = useShown(own, OWN_LISTED);
  const isQuiet = taking.state.kind === 'idle' && dialog === undefined;
  if (own.length === 0 && toTake.length === 0 && isQuiet) return null;
  return (
    <Card title={t.certificate.certificates} id={CERTIFICATES_CARD}>
      <div className="stack">
        <p className="hint">{t.certificate.whatTheyAre}</p>
        <ToTake of={toTake} action={taking} />
        {own.length > 0 && (
          <ul className="lines-list" aria-label={t.certificate.yours}>
            {shown.map((certificate) => (
              <li key={certificate.address} className="row spread wrap" data-certificate={certificate.address}>
                <CertificateName of={certificate} />
                <span className="row">
                  <button
                    type="button"
                    className="button small quiet"
                    onClick={() => setDialog({ certificate, what: 'give' })}
                  >
                    {t.certificate.give}
                  </button>
                  <button
                    type="button"
                    className="button small quiet"
                    onClick={() => setDialog({ certificate, what: 'retire' })}
                  >
                    {t.certificate.retire}
                  </button>
                </span>
              </li>
            ))}
          </ul>
        )}
        {more}
        {dialog?.what === 'give' && <GiveDialog of={dialog.certificate} onClose={() => setDialog(undefined)} />}
        {dialog?.what === 'retire' && <RetireDialog of={dialog.certificate} onClose={() => setDialog(undefined)} />}
      </div>
    </Card>
  );
}

function CertificateName({ of: { source, windowStart, windowSeconds, ...range } }: { readonly of: Certificate }) {
  const { buses } = useMarket();
  return (
    <span>
      <span className="row">
        <SourceIcon source={source} /> <Energy wh={certifiedWh({ ...range, source, windowStart, windowSeconds })} />
      </span>
      <span className="sub block">
        {windowLabel(windowStart, windowSeconds)}
        {buses.has(range.bus) && `, ${buses.get(range.bus)?.name ?? ''}`}
      </span>
    </span>
  );
}

function ToTake({ of, action }: { readonly of: readonly Certifiable[]; readonly action: Action }) {
  const { live, signer } = useSession();
  const rent = useCertificateRent();
  const [shown, more] = useShown(of, LISTED);
  const take = (one: Certifiable) => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await certificateTake(live, signer, one, onStage);
      return { message: t.certificate.isTaken(formatEnergy(one.energyWh)) };
    });
  };
  if (of.length === 0 && action.state.kind === 'idle') return null;
  return (
    <>
      {of.length > 0 && (
        <>
          {rent !== undefined && <p className="hint">{t.certificate.takesRent(formatSol(rent))}</p>}
          <ul className="lines-list" aria-label={t.certificate.toTake}>
            {shown.map((one) => (
              <li key={`${one.holding}:${one.book.address}:${one.place}`} className="row spread wrap">
                <span>
                  <Energy wh={one.energyWh} />{' '}
                  <span className="hint">
                    {windowLabel(windowStartOf(one.book, one.place), one.book.terms.windowSeconds)}
                    {one.isSurplus && `, ${t.certificate.notSold}`}
                  </span>
                </span>
                <WalletButton tone="quiet" busy={action.isRunning} onClick={() => take(one)}>
                  {t.certificate.take}
                </WalletButton>
              </li>
            ))}
          </ul>
          {more}
        </>
      )}
      <ActionStatus action={action} />
    </>
  );
}

/** Rent of a certificate in lamports, once the node has told it. */
function useCertificateRent(): bigint | undefined {
  const { live } = useSession();
  const answer = useAnswer(live, 'certificate', () => rentOf(live.connection, getCertificateSize()), {
    isPassing: isUnreachable,
  });
  return answer.kind === 'answered' ? answer.value : undefined;
}

function About({ of }: { readonly of: Certificate }) {
  return (
    <Facts
      facts={[
        [t.certificate.energy, <Energy key="e" wh={certifiedWh(of)} />],
        [t.certificate.produced, windowLabel(of.windowStart, of.windowSeconds)],
        [t.certificate.source, t.sources[of.source]],
        [t.certificate.device, <AddressLabel key="d" address={of.device} copy />],
      ]}
    />
  );
}

function GiveDialog({ of: certificate, onClose }: { readonly of: Certificate; readonly onClose: () => void }) {
  const { live, signer } = useSession();
  const action = useAction();
  const most = certifiedWh(certificate);
  const [amount, setAmount] = useState<EnergyInputValue>({ text: plainEnergy(most, 'Wh'), unit: 'Wh' });
  const [to, setTo] = useState('');
  const energy = readEnergy(amount);
  const wallet = parseAddress(to);
  const isTooMuch = energy.ok && energy.value > most;
  const give = () => {
    if (signer === undefined || !energy.ok || !wallet.ok) return;
    void action.run(async (onStage) => {
      await certificateTransfer(live, signer, certificate, energy.value, wallet.value, onStage);
      return {
        message: t.certificate.isGiven(<Energy wh={energy.value} />, <AddressLabel address={wallet.value} />),
      };
    });
  };
  return (
    <Dialog title={t.certificate.giveIt} onClose={onClose}>
      <div className="stack">
        <About of={certificate} />
        <EnergyField
          label={t.certificate.howMuch}
          value={amount}
          onChange={setAmount}
          hint={t.certificate.aPartBecomesItsOwn}
          error={isTooMuch ? t.certificate.itIsFor(formatEnergy(most)) : undefined}
        />
        <TextField label={t.certificate.toWhichWallet} value={to} onChange={setTo} parsed={wallet} inputMode="text" />
        {action.state.kind !== 'done' && (
          <WalletButton onClick={give} busy={action.isRunning} disabled={!energy.ok || !wallet.ok || isTooMuch}>
            {t.certificate.giveIt}
          </WalletButton>
        )}
        <ActionStatus action={action} />
      </div>
    </Dialog>
  );
}

function RetireDialog({ of: certificate, onClose }: { readonly of: Certificate; readonly onClose: () => void }) {
  const { live, signer } = useSession();
  const action = useAction();
  const [text, setText] = useState('');
  const beneficiary = parseBeneficiary(text);
  const retire = () => {
    if (signer === undefined || !beneficiary.ok) return;
    void action.run(async (onStage) => {
      await certificateRetire(live, signer, certificate, beneficiary.value, onStage);
      return { message: t.certificate.isRetired(formatEnergy(certifiedWh(certificate)), beneficiary.value) };
    });
  };
  return (
    <Dialog title={t.certificate.retireIt} onClose={onClose}>
      <div className="stack">
        <About of={certificate} />
        <p>{t.certificate.whatRetiringIs}</p>
        <TextField
          label={t.certificate.forWhom}
          value={text}
          onChange={setText}
          parsed={beneficiary}
          inputMode="text"
          placeholder={t.names.example}
          hint={t.certificate.everybodyCanReadIt}
        />
        {action.state.kind !== 'done' && (
          <WalletButton tone="danger" onClick={retire} busy={action.isRunning} disabled={!beneficiary.ok}>
            {t.certificate.retireIt}
          </WalletButton>
        )}
        <ActionStatus action={action} />
      </div>
    </Dialog>
  );
}
