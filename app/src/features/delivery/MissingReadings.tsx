/** Windows that wait for their reading: the operator reads where a meter is silent. And settling what is final. */

import { useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { timeLabel, windowLabel } from '../../amount/time';
import { MAX_OPERATOR_READINGS } from '../../generated';
import {
  deadlineOf,
  deviceOf,
  finalAt,
  highestReadingWh,
  missingReadings,
  poolWork,
  releasable,
  stageOfWindow,
  unrefunded,
  usedWindows,
  windowStartOf,
  type MissingReading,
} from '../../market/delivery';
import { isOperator, type Book, type Bus } from '../../market/model';
import { useBooksOf, useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { EnergyField, readEnergy, TextField, type EnergyInputValue } from '../../ui/fields';
import { AddressLabel, Card, Empty, Reading } from '../../ui/parts';
import { useShown } from '../../ui/shown';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { deliveryReport, deliverySettle, dueToSeller } from './delivery';
import { parseReading, readingBring } from './reading';

/** Lines that are shown at first. */
const LISTED = 8;

/** The card of a bus with windows that were sold on delivery terms. */
export function MissingReadings({ bus }: { readonly bus: Bus }) {
  const { wallet } = useSession();
  const { books } = useMarket();
  const now = useNow();
  // Of the card, because a line is gone once its book is settled.
  const settling = useAction();
  const isHands = isOperator(bus, wallet);
  const isKnown = useBooksOf(bus.address);
  const own = [...books.values()].filter((book) => book.bus === bus.address);
  const isOnDelivery = bus.terms.isOnDelivery || bus.nextTerms?.isOnDelivery === true || bus.readingsUntil > 0;
  const missing = missingReadings(own, bus.address, now);
  // What the operator has read, it may still correct.
  const corrigible = own.flatMap((book) =>
    usedWindows(book)
      .filter(
        ({ place, window }) => window.soldWh + window.auctionWh > 0n && stageOfWindow(book, place, now) === 'read',
      )
      .map(({ place }) => ({ book, place })),
  );
  const [shown, more] = useShown([...missing, ...corrigible], LISTED);
  if (!isKnown && isOnDelivery) {
    return (
      <Card title={t.delivery.readings}>
        <Reading what={t.delivery.theReadings} />
      </Card>
    );
  }
  if (own.length === 0 && settling.state.kind === 'idle') return null;
  return (
    <Card title={t.delivery.readings}>
      <div className="stack">
        {shown.length === 0 ? (
          <Empty>{t.delivery.noReadingIsMissing}</Empty>
        ) : (
          <ul className="lines-list" aria-label={t.delivery.readings}>
            {shown.map((one) => (
              <ReadingLine key={`${one.book.address}:${one.place}`} of={one} isOperated={isHands} />
            ))}
          </ul>
        )}
        {more}
        <SignedReadings />
        <ul className="lines-list" aria-label={t.delivery.toSettle}>
          {own
            .filter(
              (book) =>
                releasable(book, now).windows > 0 || poolWork(book, now).length > 0 || unrefunded(book, now) > 0n,
            )
            .map((book) => (
              <SettleLine key={book.address} bus={bus} book={book} action={settling} />
            ))}
        </ul>
        <ActionStatus action={settling} />
      </div>
    </Card>
  );
}

function SellerName({ of: book }: { readonly of: Book }) {
  const { sellers } = useMarket();
  return <AddressLabel address={sellers.get(book.seller)?.wallet ?? book.seller} />;
}

function ReadingLine({
  of: { book, place },
  isOperated,
}: {
  readonly of: MissingReading;
  readonly isOperated: boolean;
}) {
  const { live, signer } = useSession();
  const action = useAction();
  const [value, setValue] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const window = book.windows[place];
  const device = deviceOf(book, place);
  if (window === undefined || device === undefined) return null;
  const energy = readEnergyOrNone(value);
  const most = highestReadingWh(device.powerW, book.terms.windowSeconds);
  const left = MAX_OPERATOR_READINGS - window.operatorReadings;
  const isTooMuch = energy !== undefined && energy > most;
  const report = () => {
    if (signer === undefined || energy === undefined) return;
    void action.run(async (onStage) => {
      await deliveryReport(live, signer, book, place, energy, onStage);
      setValue((before) => ({ ...before, text: '' }));
      return { message: t.delivery.readingIsTaken(formatEnergy(energy)) };
    });
  };
  return (
    <li className="stack tight" data-reading={windowStartOf(book, place)}>
      <div className="row spread wrap">
        <span>
          {windowLabel(windowStartOf(book, place), book.terms.windowSeconds)}{' '}
          <span className="sub block">
            <SellerName of={book} /> {t.delivery.soldInIt(formatEnergy(window.soldWh + window.auctionWh))}
          </span>
        </span>
        <span className={window.reportedAt === 0 ? 'badge warning' : 'badge good'}>
          {window.reportedAt === 0
            ? t.delivery.missingUntil(timeLabel(deadlineOf(book, place)))
            : t.delivery.readUntil(formatEnergy(window.deliveredWh), timeLabel(finalAt(book, place)))}
        </span>
      </div>
      {isOperated && left > 0 && (
        <details className="more" open={window.reportedAt === 0}>
          <summary>{window.reportedAt === 0 ? t.delivery.readIt : t.delivery.correctIt}</summary>
          <div className="with-button">
            <EnergyField
              label={t.delivery.whatWasDelivered}
              value={value}
              onChange={setValue}
              hint={t.delivery.readingsLeft(left)}
              error={isTooMuch ? t.delivery.theDeviceCannot(formatEnergy(most)) : undefined}
            />
            <WalletButton
              tone="quiet"
              onClick={report}
              busy={action.isRunning}
              disabled={energy === undefined || isTooMuch}
            >
              {t.delivery.report}
            </WalletButton>
          </div>
        </details>
      )}
      <ActionStatus action={action} />
    </li>
  );
}

/** A reading that a device has signed, brought by whoever has it. */
function SignedReadings() {
  const { live, signer } = useSession();
  const action = useAction();
  const [text, setText] = useState('');
  const parsed = parseReading(text);
  const bring = () => {
    if (signer === undefined || !parsed.ok) return;
    void action.run(async (onStage) => {
      await readingBring(live, signer, parsed.value, onStage);
      setText('');
      return { message: t.delivery.readingIsTaken(formatEnergy(parsed.value.energyWh)) };
    });
  };
  return (
    <details className="more">
      <summary>{t.delivery.bringASignedReading}</summary>
      <div className="stack tight">
        <TextField
          label={t.delivery.signedReading}
          value={text}
          onChange={setText}
          parsed={parsed}
          inputMode="text"
          hint={t.delivery.whereItComesFrom}
        />
        <WalletButton tone="quiet" onClick={bring} busy={action.isRunning} disabled={!parsed.ok}>
          {t.delivery.bringIt}
        </WalletButton>
        <ActionStatus action={action} />
      </div>
    </details>
  );
}

/** Energy in a box; 0 is a reading too, and an empty box is none. */
function readEnergyOrNone(value: EnergyInputValue): bigint | undefined {
  if (/^\s*0+\s*$/u.test(value.text)) return 0n;
  const parsed = readEnergy(value);
  return parsed.ok ? parsed.value : undefined;
}

function SettleLine({ bus, book, action }: { readonly bus: Bus; readonly book: Book; readonly action: Action }) {
  const { live, signer } = useSession();
  const now = useNow();
  const amount = dueToSeller(useMarket(), book, now);
  const settle = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await deliverySettle(live, signer, book, bus, onStage);
      return { message: t.delivery.isSettled };
    });
  };
  return (
    <li className="stack tight">
      <div className="row spread wrap">
        <span>
          <SellerName of={book} />{' '}
          <span className="hint">
            {t.delivery.toPayOut(
              <Tokens units={amount} bus={bus} />,
              <Tokens units={unrefunded(book, now)} bus={bus} />,
            )}
          </span>
        </span>
        <WalletButton tone="quiet" onClick={settle} busy={action.isRunning}>
          {t.delivery.settle}
        </WalletButton>
      </div>
    </li>
  );
}
