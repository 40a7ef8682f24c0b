import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Bus, Offer, Trade, TradePart } from '../../market/model';
import { key } from '../../testing/market';
import { Chart } from '../../ui/Chart';
import { axisPrice, DepthChart, PriceChart, rounded } from './charts';

afterEach(cleanup);

const bus = { decimals: 6 } as Bus;
const part = (number: number, at = 1_800_000_000 + number * 60): TradePart => ({
  ...{ key: String(number), at, source: undefined },
  ...{ offer: key(number), energyWh: 1_000n, pricePerKwh: BigInt(number) * 100_000n, cost: 1n },
  trade: { at, slot: 1n, buyer: key(1), lane: 0, nonce: BigInt(number) } as Trade,
});

describe('a chart of prices', () => {
  it('has short labels that say what they stand for', () => {
    expect(axisPrice(200_000n, 6)).toBe('0.2');
    expect(axisPrice(123_456n, 6)).toBe('0.1235');
    expect(axisPrice(98_765_432_101n, 6)).toBe('98.77K');
    expect(axisPrice(0n, 0)).toBe('0');
  });

  it('rounds energy as there is room for', () => {
    expect([999n, 20_250n, 10_125n, 123_456n].map(rounded)).toEqual([999n, 20_250n, 10_130n, 123_500n]);
  });

  it('is as wide as its place, in pixels, so that its text has one size', () => {
    const measured = vi
      .spyOn(Element.prototype, 'getBoundingClientRect')
      .mockReturnValue(DOMRect.fromRect({ width: 256 }));
    const { container } = render(
      <Chart label="chart" height={100}>
        {(width) => <text x={width}>end</text>}
      </Chart>,
    );
    expect(container.querySelector('svg')?.getAttribute('viewBox')).toBe('0 0 256 100');
    expect(container.querySelector('text')?.getAttribute('x')).toBe('256');
    measured.mockRestore();
  });

  it('has labels at its axis that do not touch: the middle one is left out where there is no room', () => {
    const offer = (wh: bigint): Offer =>
      ({ address: key(Number(wh)), remainingWh: wh, reservedWh: 0n, fullPricePerKwh: 200_000n }) as Offer;
    const axis = (width: number, wh: bigint) => {
      const measured = vi
        .spyOn(Element.prototype, 'getBoundingClientRect')
        .mockReturnValue(DOMRect.fromRect({ width }));
      const { container } = render(<DepthChart offers={[offer(wh)]} bus={bus} />);
      const texts = [...container.querySelectorAll('.axis:last-of-type text')].map(({ textContent }) => textContent);
      measured.mockRestore();
      cleanup();
      return texts;
    };
    expect(axis(640, 98_765_432n)).toEqual(['0\u00a0Wh', '49\u00a0382.7\u00a0kWh', '98\u00a0765.4\u00a0kWh']);
    // A page of 320 pixels.
    expect(axis(250, 98_765_432n)).toEqual(['0\u00a0Wh', '98\u00a0765.4\u00a0kWh']);
    expect(axis(250, 4_000n)).toEqual(['0\u00a0Wh', '2\u00a0kWh', '4\u00a0kWh']);
  });

  it('has the dates of its ends, and their times where there is room', () => {
    const trades = [part(1, 1_800_000_000), part(2, 1_800_400_000)];
    const ends = (width: number) => {
      const measured = vi
        .spyOn(Element.prototype, 'getBoundingClientRect')
        .mockReturnValue(DOMRect.fromRect({ width }));
      const { container } = render(<PriceChart trades={trades} bus={bus} />);
      const texts = [...container.querySelectorAll('.axis:last-of-type text')].map(({ textContent }) => textContent);
      measured.mockRestore();
      cleanup();
      return texts;
    };
    expect(ends(640).every((text) => text.includes(':'))).toBe(true);
    expect(ends(250).some((text) => text.includes(':'))).toBe(false);
    expect(ends(250)).toHaveLength(2);
  });

  it('joins no trades, which are of offers and windows of their own', () => {
    const { container } = render(<PriceChart trades={[part(1), part(5), part(2)]} bus={bus} />);
    expect(screen.getByRole('img')).toBeTruthy();
    expect(container.querySelectorAll('circle')).toHaveLength(3);
    expect(container.querySelector('polyline')).toBeNull();
    // The unit, three prices, and the first and the last time.
    expect(container.querySelectorAll('.axis text')).toHaveLength(6);
    cleanup();
    const one = render(<PriceChart trades={[part(1)]} bus={bus} />);
    expect(one.container.querySelectorAll('.axis text')).toHaveLength(5);
  });

  it('ends with the last trade of a second', () => {
    render(<PriceChart trades={[part(2, 1_800_000_000), part(3, 1_800_000_000), part(1, 1_800_000_000)]} bus={bus} />);
    expect(screen.getByRole('img').getAttribute('aria-label')).toContain('0.30');
  });
});
