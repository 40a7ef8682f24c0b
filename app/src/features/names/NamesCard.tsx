/** The address book: names that the user has given, to export and import. */

import { useRef, useState } from 'react';

import { useSession } from '../../session';
import { importNames, nameAddress, names, writeNames } from '../../state/names';
import { useStore } from '../../state/store';
import { TextField } from '../../ui/fields';
import { saveFile } from '../../ui/file';
import { AddressLabel, Card, Empty } from '../../ui/parts';
import { t } from '../../words';
import { parseAddress } from '../bus/bus';

/** The card. */
export function NamesCard() {
  const { wallet } = useSession();
  const known = useStore(names);
  const file = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState<string | undefined>();
  const onFile = async (chosen: File | undefined) => {
    if (chosen === undefined) return;
    try {
      setSaid(t.names.imported(importNames(await chosen.text(), wallet)));
    } catch {
      setSaid(t.names.unreadable(chosen.name));
    }
  };
  return (
    <Card title={t.names.names}>
      <div className="stack tight">
        {known.size === 0 ? (
          <Empty>{t.names.none}</Empty>
        ) : (
          <ul className="lines-list">
            {[...known.keys()].map((address) => (
              <li key={address}>
                <AddressLabel address={address} copy />
              </li>
            ))}
          </ul>
        )}
        <div className="row wrap">
          <button type="button" className="button small quiet" onClick={() => file.current?.click()}>
            {t.names.import}
          </button>
          {known.size > 0 && (
            <button
              type="button"
              className="button small quiet"
              onClick={() => saveFile('multibus-names.json', writeNames(known), 'application/json')}
            >
              {t.names.export}
            </button>
          )}
          <input
            ref={file}
            type="file"
            accept="application/json"
            className="visually-hidden"
            aria-label={t.names.import}
            tabIndex={-1}
            onChange={(event) => {
              void onFile(event.target.files?.[0]);
              event.target.value = '';
            }}
          />
        </div>
        <p className="hint" role="status">
          {said}
        </p>
        <AddName onKept={(name) => setSaid(t.names.kept(name))} />
      </div>
    </Card>
  );
}

/** Names an address that is typed or pasted. */
function AddName({ onKept }: { readonly onKept: (name: string) => void }) {
  const { wallet } = useSession();
  const [address, setAddress] = useState('');
  const [name, setName] = useState('');
  const read = parseAddress(address);
  const parsed = read.ok && read.value === wallet ? ({ ok: false, reason: t.names.thisIsYou } as const) : read;
  const isReady = parsed.ok && name.trim() !== '';
  return (
    <details className="more">
      <summary>{t.names.add}</summary>
      <form
        className="stack tight"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isReady) return;
          nameAddress(parsed.value, name);
          onKept(name.trim());
          // The button is disabled now, which takes the focus from the keyboard: it goes on at the next address.
          event.currentTarget.querySelector('input')?.focus();
          setAddress('');
          setName('');
        }}
      >
        <TextField label={t.names.address} value={address} onChange={setAddress} parsed={parsed} inputMode="text" />
        <TextField
          label={t.names.yourName}
          value={name}
          onChange={setName}
          inputMode="text"
          placeholder={t.names.example}
        />
        <button type="submit" className="button small" disabled={!isReady}>
          {t.names.keep}
        </button>
      </form>
    </details>
  );
}
