/** When energy is needed: in words, or one of all delivery windows, each with its price and what is free. */

import { useLayoutEffect, useRef } from 'react';

import { formatEnergy } from '../../amount/energy';
import { dayLabel, spanLabel, windowLabel } from '../../amount/time';
import { formatTokens, tokensLabel } from '../../amount/token';
import type { Bus } from '../../market/model';
import { classes } from '../../ui/classes';
import { Segmented } from '../../ui/fields';
import { Card } from '../../ui/parts';
import { t } from '../../words';
import type { DeliveryWindow, When } from './windows';

/** The choice; `chosen` are the windows that it means, all where it is `undefined`. */
export function WhenCard({
  bus,
  windows,
  when,
  chosen,
  onWhen,
}: {
  readonly bus: Bus;
  readonly windows: readonly DeliveryWindow[];
  readonly when: When;
  readonly chosen: ReadonlySet<number> | undefined;
  readonly onWhen: (when: When) => void;
}) {
  const days = new Map<string, DeliveryWindow[]>();
  for (const window of windows) {
    const day = dayLabel(window.start);
    days.set(day, [...(days.get(day) ?? []), window]);
  }
  // A window that was picked on another bus means none of this one's.
  const kind = when.kind === 'window' ? (chosen === undefined ? 'any' : 'pick') : when.kind;
  const strip = useRef<HTMLDivElement>(null);
  const first = windows.find(({ start }) => chosen?.has(start) === true)?.start;
  // What is meant is in sight: this evening is far from the first window.
  useLayoutEffect(() => {
    const button = strip.current?.querySelector('[aria-pressed="true"]')?.getBoundingClientRect();
    const seen = strip.current?.getBoundingClientRect();
    if (strip.current === null || button === undefined || seen === undefined) return;
    if (button.left < seen.left || button.right > seen.right) strip.current.scrollLeft += button.left - seen.left;
  }, [first]);
  return (
    <Card title={t.dayStrip.when} className="when-card">
      <div className={classes('day-strip', kind === 'pick' && 'picking')}>
        <Segmented
          label={t.dayStrip.when}
          options={[
            ['now', t.dayStrip.now],
            ['hour', t.dayStrip.hour],
            ['tonight', t.dayStrip.tonight],
            ['pick', t.dayStrip.pick],
            ['any', t.dayStrip.any],
          ]}
          value={kind}
          onChange={(next) => onWhen({ kind: next })}
        />
        <p className="hint" role="status">
          {summary(bus, windows, when, chosen)}
        </p>
        <div ref={strip} className="windows" role="group" aria-label={t.marketScreen.deliveryWindow}>
          {[...days].map(([day, own]) => (
            <div key={day} className="day">
              <span className="day-name">{day}</span>
              <div className="day-windows">
                {own.map((window) => (
                  <WindowButton
                    key={window.start}
                    bus={bus}
                    window={window}
                    isChosen={chosen?.has(window.start) === true}
                    onChoose={() => onWhen({ kind: 'window', start: window.start })}
                  />
                ))}
              </div>
            </div>
          ))}
        </div>
        <p className="hint">{t.dayStrip.pricesAreIn(t.marketScreen.kwh(bus.token))}</p>
      </div>
    </Card>
  );
}

/** What the choice means: its time with the date, what is free in it, and from which price. */
function summary(
  bus: Bus,
  windows: readonly DeliveryWindow[],
  when: When,
  chosen: ReadonlySet<number> | undefined,
): string {
  if (chosen === undefined) return when.kind === 'pick' ? t.dayStrip.pickOne : t.dayStrip.whenever;
  const own = windows.filter(({ start }) => chosen.has(start));
  const [first, last] = [own[0], own.at(-1)];
  if (first === undefined || last === undefined) return t.dayStrip.noWindowThen;
  const time = windowLabel(first.start, last.start + last.seconds - first.start);
  const free = own.reduce((sum, { freeWh }) => sum + freeWh, 0n);
  const prices = own.flatMap(({ lowest }) => (lowest === undefined ? [] : [lowest]));
  if (free === 0n || prices.length === 0) return t.dayStrip.nothingThen(time);
  const lowest = prices.reduce((a, b) => (a < b ? a : b));
  return t.dayStrip.freeThen(time, formatEnergy(free), tokensLabel(lowest, bus));
}

function WindowButton({
  bus,
  window: { start, seconds, freeWh, lowest, isOpen },
  isChosen,
  onChoose,
}: {
  readonly bus: Bus;
  readonly window: DeliveryWindow;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}) {
  return (
    <button
      type="button"
      className={classes('window', (lowest === undefined || !isOpen) && 'dim')}
      aria-pressed={isChosen}
      onClick={onChoose}
    >
      <span className="number">{spanLabel(start, seconds)}</span>
      <strong className="number">{lowest === undefined ? '–' : formatTokens(lowest, bus.decimals)}</strong>
      <span className="sub">
        {!isOpen ? t.dayStrip.closed : lowest === undefined ? t.dayStrip.nothing : formatEnergy(freeWh)}
      </span>
    </button>
  );
}
