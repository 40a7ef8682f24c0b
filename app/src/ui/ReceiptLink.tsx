/** The way to a receipt: a word for people, the hash on hover. */

import { t } from '../words';

/** The link. */
export function ReceiptLink({ hash }: { readonly hash: string }) {
  return (
    <a className="receipt-link" href={`#/verify/${hash}`} title={hash}>
      {t.purchases.openReceipt}
    </a>
  );
}
