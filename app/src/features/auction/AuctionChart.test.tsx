import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';

import type { AuctionBook } from '../../market/auction';
import type { Bus } from '../../market/model';
import { AuctionChart } from './AuctionChart';

afterEach(cleanup);

const bus = { decimals: 6, token: 'tokens' } as Bus;
const order = (pricePerKwh: bigint, energyWh: bigint) => ({ pricePerKwh, energyWh });
const draw = (book: AuctionBook) => render(<AuctionChart book={book} gridFeePerKwh={20_000n} bus={bus} />);

describe('the curves of a book', () => {
  const book = {
    bids: [order(300_000n, 1_000n), order(250_000n, 1_000n)],
    asks: [order(200_000n, 1_500n), order(400_000n, 2_000n)],
  };

  it('cross at the price, which is said with the grid fee, for eyes and for screen readers', () => {
    const { container } = draw(book);
    expect(screen.getByRole('img').getAttribute('aria-label')).toBe(
      '2\u00a0kWh wanted and 3.5\u00a0kWh offered; the curves cross at 1.5\u00a0kWh and 0.27\u00a0tokens per kWh.',
    );
    expect(container.querySelectorAll('polyline')).toHaveLength(2);
    expect(container.querySelectorAll('circle')).toHaveLength(1);
    // The price itself is read out first; the slider goes to the others.
    expect(screen.getByText('At 0.27 tokens per kWh: 2 kWh wanted, 1.5 kWh offered.')).toBeTruthy();
    fireEvent.change(screen.getByRole('slider'), { target: { value: '3' } });
    expect(screen.getByText('At 0.42 tokens per kWh: 0 Wh wanted, 3.5 kWh offered.')).toBeTruthy();
    const rows = [...container.querySelectorAll('tbody tr')].map(({ textContent }) => textContent);
    expect(rows).toEqual(['0.222 kWh1.5 kWh', '0.272 kWh1.5 kWh', '0.321 kWh1.5 kWh', '0.420 Wh3.5 kWh']);
  });

  it('of one side, or that do not meet, have no crossing', () => {
    const { container } = draw({ bids: [order(100_000n, 500n)], asks: [order(400_000n, 2_000n)] });
    expect(screen.getByRole('img').getAttribute('aria-label')).toContain('the curves do not cross');
    expect(container.querySelectorAll('circle')).toHaveLength(0);
    cleanup();
    expect(draw({ bids: [], asks: [order(1n, 5n)] }).container.querySelectorAll('polyline')).toHaveLength(2);
    cleanup();
    draw({ bids: [], asks: [] });
    expect(screen.getByText('Nobody bids for this window or offers energy in it yet.')).toBeTruthy();
  });
});
