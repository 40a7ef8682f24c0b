// @vitest-environment node

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { hex } from '../../chain/hex';
import { getDeliveryReportInstructionDataDecoder, ReadingProof } from '../../generated';
import { addressesOf, dataOf } from '../../testing/instructions';
import { key } from '../../testing/market';
import { parseReading, readingInstructions } from './reading';

const golden = JSON.parse(readFileSync(new URL('../../../../client/tests/golden.json', import.meta.url), 'utf8')) as {
  readings: { book: string; data: string; program: string; signed: Record<string, unknown> }[];
};

describe('a signed reading', () => {
  it.each(golden.readings)('is brought as the Rust client brings it', async ({ signed, book, data, program }) => {
    const parsed = parseReading(JSON.stringify(signed));
    if (!parsed.ok) throw new Error(parsed.reason);
    const [check, report] = await readingInstructions(key(1), parsed.value);
    expect(check?.programAddress).toBe(program);
    expect(hex(dataOf(check))).toBe(data);
    expect(addressesOf(report)).toEqual([key(1), book, 'Sysvar1nstructions1111111111111111111111111']);
    expect(getDeliveryReportInstructionDataDecoder().decode(dataOf(report))).toMatchObject({
      windowStart: BigInt(signed.window_start as number),
      energyWh: BigInt(signed.energy_wh as number),
      sequence: BigInt(signed.sequence as number),
      proof: ReadingProof.Signature,
    });
  });

  it('is refused where it is none, or of another program', () => {
    const [{ signed } = { signed: {} }] = golden.readings;
    const changed = (change: object) => parseReading(JSON.stringify({ ...signed, ...change }));
    expect(changed({}).ok).toBe(true);
    for (const change of [
      { energy_wh: -1 },
      { energy_wh: 1.5 },
      { sequence: 2 ** 60 },
      { window_seconds: 0 },
      { device: 'nobody' },
      { signature: 'nothing' },
      { window_start: undefined },
    ]) {
      expect(changed(change)).toMatchObject({
        ok: false,
        reason: expect.stringContaining('no signed reading') as unknown,
      });
    }
    expect(changed({ program: key(5) })).toMatchObject({
      reason: expect.stringContaining('another program') as unknown,
    });
    for (const text of ['', 'null', '[]', '7', '{"energy_wh":1}']) expect(parseReading(text).ok).toBe(false);
  });
});
