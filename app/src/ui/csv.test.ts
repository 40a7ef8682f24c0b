// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { csvText } from './csv';

describe('a table for spreadsheets', () => {
  it('has the separator at which Excel of the language parts cells', () => {
    const rows = [
      ['energy_wh', 'bus'],
      [1_000n, 'Mill'],
    ];
    expect(csvText(rows, 'en')).toBe('energy_wh,bus\r\n1000,Mill');
    expect(csvText(rows, 'de')).toBe('energy_wh;bus\r\n1000;Mill');
  });

  it('quotes what would be two cells, and takes nothing for a formula', () => {
    expect(csvText([['a;b', 'a,b', 'a"b', 'a\nb']], 'de')).toBe('"a;b";"a,b";"a""b";"a\nb"');
    expect(csvText([['=1+1', '+1', '-1', '@A1', '\t=1', '\r=1']], 'en')).toBe("'=1+1,'+1,'-1,'@A1,\"'\t=1\",\"'\r=1\"");
  });
});
