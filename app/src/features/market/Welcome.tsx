/** What this is, in a sentence and three steps, for who comes for the first time. */

import type { Address } from '@solana/kit';

import { likeness } from '../../amount/likeness';
import { short } from '../../amount/text';
import { useSession } from '../../session';
import { beginAt, like, places } from '../../state/places';
import { useStore } from '../../state/store';
import { endWelcome } from '../../state/welcome';
import { Select } from '../../ui/fields';
import { Card } from '../../ui/parts';
import { t } from '../../words';
import type { BusFigures } from './figures';

/** The card; `current` is the bus that the screen shows. */
export function Welcome({ buses, current }: { readonly buses: readonly BusFigures[]; readonly current: Address }) {
  const { openWallet } = useSession();
  const { home } = useStore(places);
  const alike = (name: string) => buses.filter(({ bus }) => likeness(bus.name) === likeness(name)).length > 1;
  return (
    <Card title={t.welcome.title} className="welcome">
      <p>{t.welcome.whatItIs}</p>
      <ol className="steps">
        <li>
          <strong>{t.welcome.chooseYourNeighbourhood}</strong>
          <Select
            label={t.welcome.neighbourhood}
            value={home ?? current}
            options={buses.map(({ bus }) => [
              bus.address,
              // The address tells apart what is called alike.
              alike(bus.name) ? `${bus.name} (${short(bus.address)})` : bus.name,
            ])}
            onChange={(bus: Address) => {
              beginAt(bus);
              like(bus, true);
              location.hash = `#/market/${bus}`;
            }}
            hint={t.welcome.theMarketBeginsThere}
          />
        </li>
        <li>
          <strong>{t.welcome.chooseAWallet}</strong>
          <p className="hint">{t.welcome.whatAWalletIs}</p>
          <button type="button" className="button" onClick={() => openWallet(true)}>
            {t.welcome.chooseAWallet}
          </button>
        </li>
        <li>
          <strong>{t.welcome.buy}</strong>
          <p className="hint">{t.welcome.howBuyingGoes}</p>
          <button
            type="button"
            className="button primary"
            onClick={() => {
              endWelcome();
              setTimeout(() => document.querySelector<HTMLInputElement>('#buy input')?.focus());
            }}
          >
            {t.welcome.begin}
          </button>
        </li>
      </ol>
    </Card>
  );
}
