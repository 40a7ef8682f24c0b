import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { afterEach, describe, expect, it } from 'vitest';

import { duration } from '../amount/time';
import { parsePrice } from '../amount/token';
import { EnergyBar, Sol } from './amounts';
import { EnergyField, TextField, type EnergyInputValue } from './fields';

afterEach(cleanup);

function Energy() {
  const [value, setValue] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  return <EnergyField label="Energy" value={value} onChange={setValue} hint="Any amount." />;
}

const box = () => screen.getByLabelText<HTMLInputElement>('Energy');

describe('an input of energy', () => {
  it('refuses while one types, and says why where a screen reader finds it', () => {
    render(<Energy />);
    expect(screen.getByText('Any amount.')).toBeTruthy();
    fireEvent.change(box(), { target: { value: '1.0005' } });
    const reason = screen.getByText(/at most 3 decimals/u);
    expect(box().getAttribute('aria-invalid')).toBe('true');
    expect(box().getAttribute('aria-describedby')).toBe(reason.id);
    fireEvent.change(box(), { target: { value: '1.5' } });
    expect(box().getAttribute('aria-invalid')).toBe('false');
    // A point means different things to different people.
    expect(screen.getByText('That is 1.5 kWh.')).toBeTruthy();
    fireEvent.change(box(), { target: { value: '2' } });
    expect(screen.getByText('Any amount.')).toBeTruthy();
  });

  it('keeps the amount when the unit changes', () => {
    render(<Energy />);
    fireEvent.change(box(), { target: { value: '1.5' } });
    fireEvent.click(screen.getByRole('button', { name: 'Wh' }));
    expect(box().value).toBe('1500');
    fireEvent.click(screen.getByRole('button', { name: 'kWh' }));
    expect(box().value).toBe('1.5');
  });
});

describe('an input of a price', () => {
  it('says nothing before anything is typed', () => {
    const { rerender } = render(
      <TextField label="Price" value="" onChange={() => undefined} parsed={parsePrice('', 6)} hint="Base price 0.1." />,
    );
    expect(screen.getByText('Base price 0.1.')).toBeTruthy();
    rerender(
      <TextField
        label="Price"
        value="0"
        onChange={() => undefined}
        parsed={parsePrice('0', 6)}
        hint="Base price 0.1."
      />,
    );
    expect(screen.getByText('Type a price above zero.')).toBeTruthy();
  });
});

describe('what is drawn', () => {
  it('is told in words too', () => {
    render(
      <EnergyBar
        label="Of 10 kWh, 4 kWh are sold"
        parts={[
          { label: 'sold', wh: 4_000n, tone: 'sold' },
          { label: 'available', wh: 6_000n, tone: 'available' },
        ]}
      />,
    );
    expect(screen.getByRole('img', { name: 'Of 10 kWh, 4 kWh are sold' })).toBeTruthy();
    expect(screen.getByRole('list').textContent).toContain('sold 4 kWh');
  });

  it('as a time reads as people say it', () => {
    expect(duration(299, 'clock')).toBe('4:59');
    expect(duration(900)).toBe('15\u00a0min');
    expect(duration(90_000)).toBe('1\u00a0day 1\u00a0hr');
    expect(duration(0)).toBe('0\u00a0sec');
  });
});

describe('an amount of SOL', () => {
  it('has its unit in one piece, below the number where both are too wide', () => {
    render(<Sol lamports={70_880_640n} />);
    expect(screen.getByText('SOL').className).toBe('unit');
    expect(screen.getByText('0.07088064').className).toBe('number');
  });
});
