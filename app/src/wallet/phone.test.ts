import { describe, expect, it } from 'vitest';

import { deviceOf, phantomLink } from './phone';

describe('wallets on phones', () => {
  it('are reached by the exact universal link of Phantom', () => {
    expect(phantomLink('https://energy.example/app/?rpc=https%3A%2F%2Fnode.example#/market/Bus1')).toBe(
      'https://phantom.app/ul/browse/https%3A%2F%2Fenergy.example%2Fapp%2F%3Frpc%3Dhttps%253A%252F%252Fnode.example%23%2Fmarket%2FBus1?ref=https%3A%2F%2Fenergy.example',
    );
  });

  it('are those of the device', () => {
    const android = 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537.36';
    const iphone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148';
    const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15';
    expect([deviceOf(android, 5), deviceOf(iphone, 5), deviceOf(mac, 5), deviceOf(mac, 0)]).toEqual([
      'android',
      'ios',
      'ios',
      'desktop',
    ]);
  });
});
