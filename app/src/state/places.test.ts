import { describe, expect, it } from 'vitest';

import { beginAt, like, places } from './places';
import { storage } from './storage';

const MILL = 'Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi' as never;

describe('favourites and the start', () => {
  it('are kept, and forgotten one by one', () => {
    like(MILL, true);
    beginAt(MILL);
    expect(JSON.parse(storage.getItem('multibus:places') ?? '')).toEqual({ home: MILL, favourites: [MILL] });
    like(MILL, false);
    expect(places.get()).toEqual({ home: MILL, favourites: new Set() });
    beginAt(undefined);
    expect(places.get().home).toBeUndefined();
  });
});
