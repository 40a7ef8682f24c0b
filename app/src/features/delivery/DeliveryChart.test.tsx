import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';

import { DeliveryChart } from './DeliveryChart';
import type { DeliveryBar } from './rows';

afterEach(cleanup);

const bar = (place: number, promisedWh: bigint, deliveredWh: bigint | undefined): DeliveryBar => ({
  windowStart: 1_800_000_000 + place * 900,
  windowSeconds: 900,
  promisedWh,
  deliveredWh,
});

describe('the chart of deliveries', () => {
  it('is told in words, as a whole and window by window', () => {
    render(<DeliveryChart bars={[bar(0, 2_000n, 1_500n), bar(1, 1_000n, 1_200n), bar(2, 500n, undefined)]} />);
    const whole = 'Promised and delivered energy in 3 windows: 3.5\u00a0kWh promised, 2.7\u00a0kWh delivered';
    expect(screen.getByRole('img', { name: whole })).toBeTruthy();
    // The latest window first; the keyboard moves to any other.
    const slider = screen.getByRole('slider', { name: 'Window to read out' });
    expect(slider.getAttribute('aria-valuetext')).toMatch(/500\u00a0Wh promised, no reading yet$/u);
    fireEvent.change(slider, { target: { value: '0' } });
    expect(slider.getAttribute('aria-valuetext')).toMatch(/2\u00a0kWh promised, 1\.5\u00a0kWh delivered$/u);
    expect(screen.getByText(/2 kWh promised, 1\.5 kWh delivered$/u)).toBeTruthy();
  });

  it('has a unit and dates at its axes, and nothing where there is nothing', () => {
    const { container } = render(<DeliveryChart bars={[bar(0, 2_000n, 0n)]} />);
    const texts = [...container.querySelectorAll('.axis text')].map(({ textContent }) => textContent);
    expect(texts.slice(0, 3)).toEqual(['0\u00a0Wh', '1\u00a0kWh', '2\u00a0kWh']);
    expect(texts[3]).toMatch(/\d, \d/u);
    // One window needs no slider.
    expect(screen.queryByRole('slider')).toBeNull();
    cleanup();
    expect(render(<DeliveryChart bars={[]} />).container.innerHTML).toBe('');
  });
});
