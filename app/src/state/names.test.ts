import { describe, expect, it } from 'vitest';

import { importNames, nameAddress, names, parseNames, writeNames } from './names';
import { storage } from './storage';

const ANNA = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v';
const BEN = 'So11111111111111111111111111111111111111112';

describe('names', () => {
  it('are kept, changed and forgotten', () => {
    nameAddress(ANNA, '  Anna, no. 4 ');
    expect(names.get().get(ANNA)).toBe('Anna, no. 4');
    expect(parseNames(storage.getItem('multibus:names') ?? '').get(ANNA)).toBe('Anna, no. 4');
    nameAddress(ANNA, 'x'.repeat(50));
    expect(names.get().get(ANNA)).toHaveLength(40);
    nameAddress(ANNA, '');
    expect(names.get().size).toBe(0);
  });

  it('go to another browser and come back', () => {
    nameAddress(ANNA, 'Anna');
    const exported = writeNames(
      new Map([
        [BEN, 'Ben'],
        [ANNA, 'Anna, no. 4'],
      ]),
    );
    // The wallet's own address is left out: it is "You".
    expect(importNames(exported, BEN)).toBe(1);
    expect(importNames(exported, undefined)).toBe(2);
    expect([...names.get()]).toEqual([
      [ANNA, 'Anna, no. 4'],
      [BEN, 'Ben'],
    ]);
  });

  it('that are none are left out, and a text that is none is refused', () => {
    const text = JSON.stringify({ [ANNA]: 'Anna', nobody: 'Nobody', [BEN]: 7, [`${BEN}x`]: 'x' });
    expect([...parseNames(text)]).toEqual([[ANNA, 'Anna']]);
    for (const broken of ['{', '[]', 'null', '7']) expect(() => parseNames(broken)).toThrow();
  });
});
