/** When energy is needed: in words, or one of all delivery windows, each with its price and what is free. */

import { formatEnergy } from '../../amount/energy';
import { dayLabel, spanLabel } from '../../amount/time';
import { formatTokens } from '../../amount/token';
import type { Bus } from '../../market/model';
import { classes } from '../../ui/classes';
import { Segmented } from '../../ui/fields';
import { t } from '../../words';
import type { DeliveryWindow, When } from './windows';

/** The choice; `chosen` are the windows that it means, all where it is `undefined`. */
export function DayStrip({
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
  return (
    <div className="day-strip">
      <Segmented
        label={t.dayStrip.when}
        options={[
          ['any', t.dayStrip.any],
          ['next', t.dayStrip.next],
          ['hour', t.dayStrip.hour],
          ['tonight', t.dayStrip.tonight],
        ]}
        value={when.kind === 'window' ? undefined : when.kind}
        onChange={(kind) => onWhen({ kind })}
      />
      <div className="windows" role="group" aria-label={t.marketScreen.deliveryWindow}>
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
    </div>
  );
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
