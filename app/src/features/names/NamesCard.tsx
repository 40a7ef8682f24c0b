/** The address book: names that the user has given, to export and import. */

import { useRef, useState } from 'react';

import { importNames, names, writeNames } from '../../state/names';
import { useStore } from '../../state/store';
import { saveFile } from '../../ui/file';
import { AddressLabel, Card, Empty } from '../../ui/parts';
import { t } from '../../words';

/** The card. */
export function NamesCard() {
  const known = useStore(names);
  const file = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState<string | undefined>();
  const onFile = async (chosen: File | undefined) => {
    if (chosen === undefined) return;
    try {
      setSaid(t.names.imported(importNames(await chosen.text())));
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
      </div>
    </Card>
  );
}
