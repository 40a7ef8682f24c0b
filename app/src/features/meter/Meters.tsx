/** The meters of a bus's sellers, for its operator and its owners: registering, replacing and taking away. */

import { useRef, useState } from 'react';

import { timeLabel } from '../../amount/time';
import { formatSol } from '../../amount/token';
import { rentOf } from '../../chain/connection';
import type { Cosigner } from '../../chain/send';
import { isUnreachable, sentence } from '../../errors/explain';
import { getDeviceSize, getMeterSize } from '../../generated';
import { isOperator, isOwner, SOURCES, type Bus, type Seller, type Source } from '../../market/model';
import { termsAt } from '../../market/terms';
import { compare } from '../../order';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { AddressLabel, Card, CopyButton, Empty } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { deviceClose, isDeviceOver, meterClose, meterRegister, parsePower, powerLabel, readDeviceKey } from './meter';

/** The card; nothing for those who have nothing to do with meters. */
export function Meters({ bus }: { readonly bus: Bus }) {
  const { wallet } = useSession();
  const { sellers, meters, devices } = useMarket();
  const now = useNow();
  const [seller, setSeller] = useState<Seller>();
  const isHands = isOperator(bus, wallet);
  const hasMeters = [...meters.values()].some((meter) => meter.bus === bus.address);
  const isOnDelivery = bus.terms.isOnDelivery || bus.nextTerms?.isOnDelivery === true;
  if ((!isHands && !isOwner(bus, wallet)) || (!isOnDelivery && !hasMeters)) return null;
  const own = [...sellers.values()]
    .filter((one) => one.bus === bus.address)
    .sort((a, b) => compare(a.wallet, b.wallet));
  const over = [...devices.values()].filter((device) => device.bus === bus.address && isDeviceOver(device, now));
  return (
    <Card title={t.meter.meters}>
      <div className="stack">
        <p className="hint">{isHands ? t.meter.whatTheOperatorDoes : t.meter.theOperatorRegisters}</p>
        {own.length === 0 ? (
          <Empty>{t.seller.nobodySellsYet}</Empty>
        ) : (
          <ul className="lines-list" aria-label={t.meter.meters}>
            {own.map((one) => (
              <MeterLine
                key={one.address}
                bus={bus}
                seller={one}
                isOperated={isHands}
                onRegister={() => setSeller(one)}
              />
            ))}
          </ul>
        )}
        {over.length > 0 && <RetiredDevices of={over} />}
        {seller !== undefined && <RegisterDialog bus={bus} seller={seller} onClose={() => setSeller(undefined)} />}
      </div>
    </Card>
  );
}

function MeterLine({
  bus,
  seller,
  isOperated,
  onRegister,
}: {
  readonly bus: Bus;
  readonly seller: Seller;
  readonly isOperated: boolean;
  readonly onRegister: () => void;
}) {
  const { live, signer } = useSession();
  const { meters } = useMarket();
  const action = useAction();
  const meter = seller.meter === undefined ? undefined : meters.get(seller.meter);
  const close = () => {
    if (signer === undefined || meter === undefined) return;
    void action.run(async (onStage) => {
      await meterClose(live, signer, meter, onStage);
      return { message: t.meter.isTakenAway };
    });
  };
  return (
    <li className="stack tight" data-meter={seller.address}>
      <div className="row spread wrap">
        <span>
          <span className="row">
            <AddressLabel address={seller.wallet} copy />
            {seller.wallet === bus.address && <span className="badge">{t.ownOffers.forTheBus}</span>}
          </span>
          {meter === undefined ? (
            <span className="badge warning">{t.meter.none}</span>
          ) : (
            <span className="sub row wrap">
              <SourceIcon source={meter.source} size={14} />
              {t.meter.upTo(powerLabel(meter.powerW))}
              <AddressLabel address={meter.key} copy />
            </span>
          )}
        </span>
        {isOperated && (
          <span className="row">
            <button type="button" className="button small quiet" onClick={onRegister}>
              {meter === undefined ? t.meter.register : t.meter.replace}
            </button>
            {meter !== undefined && (
              <WalletButton tone="quiet" onClick={close} busy={action.isRunning}>
                {t.meter.takeAway}
              </WalletButton>
            )}
          </span>
        )}
      </div>
      <ActionStatus action={action} />
    </li>
  );
}

function RetiredDevices({ of }: { readonly of: Parameters<typeof deviceClose>[2] }) {
  const { live, signer } = useSession();
  const action = useAction();
  const some = of.slice(0, 8);
  const close = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await deviceClose(live, signer, some, onStage);
      return { message: t.meter.theirRentIsBack };
    });
  };
  return (
    <div className="stack tight">
      <div className="row spread wrap">
        <span className="hint">{t.meter.retired(of.length)}</span>
        <WalletButton tone="quiet" onClick={close} busy={action.isRunning}>
          {t.meter.closeThem}
        </WalletButton>
      </div>
      <ActionStatus action={action} />
    </div>
  );
}

/** Rent of a meter and a device in lamports, once the node has told it. */
function useMeterRent(): bigint | undefined {
  const { live } = useSession();
  const answer = useAnswer(
    live,
    'meter',
    async () => {
      const [meter, device] = await Promise.all([
        rentOf(live.connection, getMeterSize()),
        rentOf(live.connection, getDeviceSize()),
      ]);
      return meter + device;
    },
    { isPassing: isUnreachable },
  );
  return answer.kind === 'answered' ? answer.value : undefined;
}

function RegisterDialog({
  bus,
  seller,
  onClose,
}: {
  readonly bus: Bus;
  readonly seller: Seller;
  readonly onClose: () => void;
}) {
  const { live, signer } = useSession();
  const { meters } = useMarket();
  const now = useNow();
  const action = useAction();
  const rent = useMeterRent();
  const present = seller.meter === undefined ? undefined : meters.get(seller.meter);
  const [source, setSource] = useState<Source>(present?.source ?? 'solar');
  const [powerText, setPower] = useState('');
  const [device, setDevice] = useState<Cosigner>();
  const [problem, setProblem] = useState<string>();
  const file = useRef<HTMLInputElement>(null);
  const power = parsePower(powerText);
  // Of the window that runs now on: what is not over can still be listed.
  const length = termsAt(bus, now).windowSeconds || 1;
  const validFrom = Math.floor(now / length) * length;
  const title = present === undefined ? t.meter.registerAMeter : t.meter.replaceTheDevice;
  const onFile = async (chosen: File | undefined) => {
    if (chosen === undefined) return;
    try {
      setDevice(await readDeviceKey(await chosen.text()));
      setProblem(undefined);
    } catch (error) {
      setDevice(undefined);
      setProblem(sentence(error));
    }
  };
  const register = () => {
    if (signer === undefined || device === undefined || !power.ok) return;
    const spec = { source, powerW: power.value, validFrom };
    void action.run(async (onStage) => {
      await meterRegister(live, signer, seller, device, spec, onStage);
      // The key is not needed any more.
      setDevice(undefined);
      return { message: t.meter.isRegistered };
    });
  };
  const verb = present === undefined ? 'register' : 'replace';
  const watts = power.ok ? `${power.value}W` : 'POWER';
  const told = ['--device', 'DEVICE.json', '--source', source, '--power', watts];
  const command = ['multibus', 'meter', verb, bus.address, seller.wallet, ...told].join(' ');
  const isDone = action.state.kind === 'done';
  return (
    <Dialog title={title} onClose={onClose} wide>
      <div className="stack">
        <p>
          {t.meter.forSeller(<AddressLabel address={seller.wallet} />)}{' '}
          {present !== undefined && <span className="hint">{t.meter.whatReplacingDoes}</span>}
        </p>
        <Select
          label={t.meter.source}
          value={source}
          options={SOURCES.map((one) => [one, t.sources[one]])}
          onChange={setSource}
        />
        <TextField
          label={t.meter.power}
          value={powerText}
          onChange={setPower}
          parsed={power}
          suffix={t.meter.unit}
          hint={t.meter.whatPowerIs}
        />
        <p className="hint">{t.meter.validFrom(timeLabel(validFrom))}</p>
        <fieldset>
          <legend>{t.meter.theDevicesKey}</legend>
          <div className="stack tight">
            <p className="hint">{t.meter.whyItSigns}</p>
            <div className="row wrap">
              <button type="button" className="button small quiet" onClick={() => file.current?.click()}>
                {t.meter.chooseTheKeyFile}
              </button>
              {device !== undefined && <AddressLabel address={device.address} copy />}
            </div>
            <input
              ref={file}
              type="file"
              accept="application/json,.json"
              className="visually-hidden"
              aria-label={t.meter.keyFile}
              tabIndex={-1}
              onChange={(event) => {
                void onFile(event.target.files?.[0]);
                event.target.value = '';
              }}
            />
            {problem !== undefined && (
              <p className="error-text" role="alert">
                {problem}
              </p>
            )}
            <details className="more">
              <summary>{t.meter.withoutGivingTheKey}</summary>
              <p className="hint">{t.meter.whereTheKeyIs}</p>
              <p className="row">
                <code className="mono break">{command}</code>
                <CopyButton text={command} label={t.meter.copyTheCommand} />
              </p>
            </details>
          </div>
        </fieldset>
        {rent !== undefined && <p className="hint">{t.meter.takesRent(formatSol(rent))}</p>}
        {!isDone && (
          <WalletButton onClick={register} busy={action.isRunning} disabled={device === undefined || !power.ok}>
            {title}
          </WalletButton>
        )}
        <ActionStatus action={action} />
      </div>
    </Dialog>
  );
}
