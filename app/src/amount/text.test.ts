// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { short, visible } from './text';

describe('names of strangers', () => {
  it('are shown as scripts and emoji are written', () => {
    for (const name of [
      'Müller & Söhne',
      'شرکت می\u{200c}خواهم',
      'क्\u{200d}ष',
      'Sonne ☀\u{fe0f}',
      '👩\u{200d}🌾 Hof',
      '👩🏽\u{200d}🌾',
      '🏳\u{fe0f}\u{200d}🌈',
      'Platz 1\u{fe0f}\u{20e3}',
      'שלום 太陽 🌞',
    ]) {
      expect(visible(name)).toBe(name);
    }
  });

  it('show what hides or acts', () => {
    expect(visible('A\u{202e}B')).toBe('A\\u{202e}B');
    expect(visible('A\u{1b}[2J')).toBe('A\\u{1b}[2J');
    // Joiners between letters that do not join make two names look alike.
    expect(visible('Mi\u{200d}ll')).toBe('Mi\\u{200d}ll');
    expect(visible('Mi\u{200c}ll')).toBe('Mi\\u{200c}ll');
    expect(visible('Mill\u{200b}')).toBe('Mill\\u{200b}');
    expect(visible('Mill\u{fe0f}')).toBe('Mill\\u{fe0f}');
    expect(visible('\u{200d}☀')).toBe('\\u{200d}☀');
    expect(visible('☀\u{200d}')).toBe('☀\\u{200d}');
    expect(visible('☀\u{fe0f}\u{fe0f}')).toBe('☀\u{fe0f}\\u{fe0f}');
    expect(visible('می\u{2067}خ')).toBe('می\\u{2067}خ');
    expect(visible('1\u{fe0f}')).toBe('1\\u{fe0f}');
  });
});

describe('reading', () => {
  it('shortens addresses', () => {
    expect(short('EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v')).toBe('EPjF…Dt1v');
    expect(short('short')).toBe('short');
  });
});
