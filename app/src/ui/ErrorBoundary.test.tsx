import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { ErrorBoundary } from './ErrorBoundary';

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function Breaks({ how }: { readonly how: string }): React.ReactNode {
  if (how !== '') throw new Error(how);
  return <p>fine</p>;
}

describe('a screen that cannot be drawn', () => {
  it('says why, and has ways out: another screen, the market, the page anew, without what the browser kept', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const drawn = (of: string, how: string) => (
      <ErrorBoundary of={of}>
        <Breaks how={how} />
      </ErrorBoundary>
    );
    const { rerender } = render(drawn('#/mine', 'the number is broken'));
    expect(screen.getByRole('alert').textContent).toContain('the number is broken');
    localStorage.setItem('multibus:basket', '[');
    localStorage.setItem('multibus:pending', '[]');
    const assign = vi.spyOn(location, 'assign').mockImplementation(() => undefined);
    fireEvent.click(screen.getByRole('button', { name: /Forget my settings/u }));
    expect(assign).toHaveBeenCalledOnce();
    expect(localStorage.getItem('multibus:basket')).toBeNull();
    // Purchases of unknown fate are still watched.
    expect(localStorage.getItem('multibus:pending')).toBe('[]');
    rerender(drawn('#/market', ''));
    expect(screen.getByText('fine')).toBeTruthy();
  });
});
