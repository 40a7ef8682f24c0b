// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { likeness } from './likeness';

describe('names', () => {
  it('are alike where the eye takes one for the other', () => {
    for (const name of ['mill lane', 'Mill  Lane', 'MiIl-Lane', 'Mi11 Lane', 'Mill Lané']) {
      expect(likeness(name)).toBe(likeness('Mill Lane'));
    }
    expect(likeness('Corner Row')).toBe(likeness('Comer Rovv'));
    expect(likeness('Mill Road')).not.toBe(likeness('Mill Lane'));
  });

  it('are alike where one has Cyrillic or Greek letters in place of Latin ones', () => {
    for (const [own, other] of [
      // а, е, о, с, р, х, у and their like are Cyrillic.
      ['Oak Pass', '\u041e\u0430\u043a \u0420\u0430\u0455\u0455'],
      ['Mill Lane', '\u041cill L\u0430n\u0435'],
      ['Schoolyard', 'S\u0441ho\u043elyard'],
      ['HTTP', '\u041d\u0422\u0422\u0420'],
      // \u0391, \u039f, \u03a1, \u0392 and their like are Greek.
      ['Barn Top', '\u0392\u0391rn T\u039f\u03c1'],
      ['Kiosk Z', '\u039a\u03b9\u03bf\u0455\u03ba \u0396'],
    ] as const) {
      expect(other).not.toBe(own);
      expect(likeness(other)).toBe(likeness(own));
    }
    // A name that is all Cyrillic and looks like no Latin one keeps its letters.
    expect(likeness('\u0416\u0443\u043a')).toContain('\u0436');
  });
});
