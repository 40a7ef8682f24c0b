// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { parseRoute } from './route';

describe('an address', () => {
  it('names a screen and what it shows', () => {
    expect(parseRoute('')).toEqual({ screen: 'market', argument: undefined });
    expect(parseRoute('#/')).toEqual({ screen: 'market', argument: undefined });
    expect(parseRoute('#/market')).toEqual({ screen: 'market', argument: undefined });
    expect(parseRoute('#/market/')).toEqual({ screen: 'market', argument: undefined });
    expect(parseRoute('#/bus/new')).toEqual({ screen: 'bus', argument: 'new' });
    expect(parseRoute('#/verify/ab%20cd')).toEqual({ screen: 'verify', argument: 'ab cd' });
  });

  it('with escapes that make no text is read as it stands', () => {
    expect(parseRoute('#/verify/%E0%A4%A')).toEqual({ screen: 'verify', argument: '%E0%A4%A' });
    expect(parseRoute('#/market/100%')).toEqual({ screen: 'market', argument: '100%' });
  });

  it('of no screen is none', () => {
    for (const hash of ['#/nonsense', '#/market/a/b', '#/mine/a', '#market', '#//market', '#/Market']) {
      expect(parseRoute(hash)).toEqual({ screen: undefined, argument: undefined });
    }
  });
});
