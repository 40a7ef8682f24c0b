/** Parts of offers, bought or about to be: how much of each, at which price, for what. */

import type { ReactNode } from 'react';

import { formatTokens } from '../../amount/token';
import { Energy } from '../../ui/amounts';
import { numbers, TableHead } from '../../ui/parts';
import { t } from '../../words';

/** A part of an offer. */
export interface FillRow {
  readonly key: string;
  /** The seller, or the offer. */
  readonly from: ReactNode;
  readonly energyWh: bigint;
  readonly pricePerKwh: bigint;
  readonly cost: bigint;
}

/** The table; each group of rows is one purchase, and has a title where there are several. */
export function FillTable({
  label,
  from,
  groups,
  decimals,
  token,
}: {
  readonly label: string;
  /** What the first column names. */
  readonly from: string;
  readonly groups: readonly { readonly title?: ReactNode; readonly rows: readonly FillRow[] }[];
  readonly decimals: number;
  /** What the costs are in, where that is known. */
  readonly token: string | undefined;
}) {
  return (
    <table className="plain" aria-label={label}>
      <TableHead
        columns={[
          from,
          numbers(t.fillTable.energy),
          numbers(t.fillTable.perKwh),
          numbers(token === undefined ? t.fillTable.cost : t.fillTable.costIn(token)),
        ]}
      />
      {groups.map(({ title, rows }) => (
        <tbody key={rows[0]?.key}>
          {title !== undefined && (
            <tr className="group">
              <th scope="rowgroup" colSpan={4}>
                {title}
              </th>
            </tr>
          )}
          {rows.map((row) => (
            <tr key={row.key}>
              <td>{row.from}</td>
              <td className="end">
                <Energy wh={row.energyWh} />
              </td>
              <td className="end number">{formatTokens(row.pricePerKwh, decimals)}</td>
              <td className="end number">{formatTokens(row.cost, decimals)}</td>
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
}
