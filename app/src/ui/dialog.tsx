/** Dialogs over the screen. */

import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';

import { t } from '../words';
import { classes } from './classes';
import { CloseIcon } from './icons';

/** A dialog over the screen; Escape and a click beside it close it. */
export function Dialog({
  title,
  onClose,
  children,
  wide = false,
}: {
  readonly title: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly wide?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before the page is painted, and on the way out before the dialog is gone, so that focus can go back.
  useLayoutEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      const isThere = before instanceof HTMLElement && before !== document.body && before.isConnected;
      (isThere ? before : document.getElementById('content'))?.focus();
    };
  }, []);
  return (
    // Escape closes it for the keyboard; the click is on the backdrop, which is part of the dialog.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions -- see above
    <dialog
      ref={dialog}
      className={classes('dialog', wide && 'wide')}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="dialog-body">
        <header className="card-head">
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" aria-label={t.dialog.close} onClick={onClose}>
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
