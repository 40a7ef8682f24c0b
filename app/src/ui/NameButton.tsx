/** Gives an address a name of the user's own. */

import { useState } from 'react';

import { nameAddress, NAME_LETTERS, names } from '../state/names';
import { useStore } from '../state/store';
import { t } from '../words';
import { Dialog } from './dialog';
import { TextField } from './fields';
import { PenIcon } from './icons';

/** The button, and the dialog that it opens. */
export function NameButton({ address }: { readonly address: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="icon-button small"
        aria-label={t.names.name}
        title={t.names.name}
        onClick={() => setIsOpen(true)}
      >
        <PenIcon size={14} />
      </button>
      {isOpen && <NameDialog address={address} onClose={() => setIsOpen(false)} />}
    </>
  );
}

function NameDialog({ address, onClose }: { readonly address: string; readonly onClose: () => void }) {
  const known = useStore(names).get(address) ?? '';
  const [name, setName] = useState(known);
  const isTooLong = Array.from(name.trim()).length > NAME_LETTERS;
  return (
    <Dialog title={t.names.name} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isTooLong) return;
          nameAddress(address, name);
          onClose();
        }}
      >
        <p className="mono break">{address}</p>
        <TextField
          label={t.names.yourName}
          value={name}
          onChange={setName}
          inputMode="text"
          placeholder={t.names.example}
          hint={t.names.staysHere}
          parsed={isTooLong ? { ok: false, reason: t.names.tooLong(NAME_LETTERS) } : { ok: true, value: name }}
        />
        <div className="row">
          <button type="submit" className="button primary" disabled={isTooLong}>
            {t.names.keep}
          </button>
          {known !== '' && (
            <button
              type="button"
              className="button quiet"
              onClick={() => {
                nameAddress(address, '');
                onClose();
              }}
            >
              {t.names.forget}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
