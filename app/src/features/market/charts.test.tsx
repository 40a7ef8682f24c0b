import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Bus, Trade, TradePart } from '../../market/model';
import { key } from '../../testing/market';
import { Chart } from '../../ui/Chart';
import { axisPrice, PriceChart, rounded } from './charts';

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
