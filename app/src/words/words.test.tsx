import type { ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';

import { MULTIBUS_ERROR__BATCH_INVALID, MULTIBUS_ERROR__PRICE_ABOVE_LIMIT } from '../generated';
import { counted } from './count';
import { de as german } from './de';
import { en as english } from './en';
import { GERMAN_ERRORS } from './germanErrors';
import { languageFor } from './language';

type Entry = string | ((...parameters: unknown[]) => ReactNode);

/** Every message of a catalogue, by its place. */
function entries(node: unknown, place = ''): readonly (readonly [string, Entry])[] {
  if (typeof node !== 'object' || node === null) return [[place, node as Entry]];
  return Object.entries(node).flatMap(([key, value]) => entries(value, place === '' ? key : `${place}.${key}`));
}

/** What a message says, with a mark in place of each parameter. */
const said = (entry: Entry): string =>
  typeof entry === 'string'
    ? entry
    : renderToStaticMarkup(entry(...Array.from({ length: entry.length }, (_, index) => `p${index}p`)));

const en = entries(english);
const de = new Map(entries(german));

describe('the catalogues', () => {
  it('have the same places', () => {
    expect(en.map(([place]) => place).filter((place) => !de.has(place))).toEqual([]);
    expect(de.size).toBe(en.length);
  });

  it('say the same in every language, with all that it is about', () => {
    const wrong = en.flatMap(([place, entry]) => {
      const other = de.get(place);
      if (other === undefined || typeof other !== typeof entry) return [`${place} is of another kind`];
      if (said(other) === '') return [`${place} says nothing`];
      const about = new Set(said(entry).match(/p\d+p/gu) ?? []);
      return [...about].filter((one) => !said(other).includes(one)).map((one) => `${place} does not say ${one}`);
    });
    expect(wrong).toEqual([]);
  });
});

describe('refusals of the program in German', () => {
  it('are German where somebody can meet them, and else say that the reason is English', () => {
    const told = german.explain.ofProgram(MULTIBUS_ERROR__PRICE_ABOVE_LIMIT, 'English.');
    expect(told).toContain('liegt über Ihrer Grenze');
    expect(german.explain.ofProgram(MULTIBUS_ERROR__BATCH_INVALID, 'English.')).toContain('auf Englisch: „English.“');
    expect(Object.values(GERMAN_ERRORS).filter((sentence) => !sentence.endsWith('.'))).toEqual([]);
  });
});

describe('German sentences about what is read', () => {
  it('have clauses at their end, and nouns before the verb', () => {
    const { reading, theNodeIsAwaySo } = german.parts;
    const { whatYouTraded } = german.energyCard;
    expect(theNodeIsAwaySo(whatYouTraded)).toBe(
      'Der Knoten ist weg; die App kann noch nicht lesen, was Sie gekauft und verkauft haben.',
    );
    expect(theNodeIsAwaySo(german.sellScreen.whereYouMaySell)).toContain('lesen, wo Sie verkaufen dürfen.');
    expect(theNodeIsAwaySo(german.marketScreen.theMarket)).toBe(
      'Der Knoten ist weg; die App kann den Markt noch nicht lesen.',
    );
    expect(reading(whatYouTraded)).toBe('Die App liest, was Sie gekauft und verkauft haben…');
    expect(reading(german.ownOffers.yourOffers)).toBe('Die App liest Ihre Angebote…');
  });
});

describe('German durations', () => {
  it('have their days in the form that a preposition asks for', () => {
    expect(german.time.ago('3 Tage 2 Std.')).toBe('vor 3 Tagen 2 Std.');
    expect(german.time.ago('1 Tag')).toBe('vor 1 Tag');
    expect(german.proposals.itCanBeCarriedOut('7 Tage')).toContain('in 7 Tagen');
    expect(german.change.before('2 Tage')).toBe('2 Tage vorher');
    // A countdown is no text that could be changed: it stands where days are in the nominative.
    const left = [german.ownOffers.ends('2 Tage'), german.proposals.takesEffectIn('2 Tage')];
    expect(left.map((one) => renderToStaticMarkup(one))).toEqual([
      ', noch 2 Tage',
      'Noch 2 Tage, dann wird er wirksam.',
    ]);
    expect(german.offerTable.endsIn).toBe('Noch');
  });

  it('end with a point of their own, so no sentence ends with one', () => {
    const [day, hours] = ['1 Tag 3 Std.', '2 Std.'];
    const sentences = [
      german.sellScreen.tradesIn(hours),
      german.sellScreen.busOffersWait(hours),
      german.ownOffers.waitsAgain(hours),
      german.proposals.needs(2, 3, day),
      german.proposals.takesEffectIn(day),
      german.proposals.proposedBy('Anna', german.time.ago(hours), ''),
      german.proposals.itCanBeCarriedOut(day),
      german.proposals.whyNotEarlier(day),
      german.auction.decidedIn('14:00', hours),
      german.marketScreen.windowsGateClosesBefore(hours, hours),
      german.marketScreen.windowsGateClosesAtStart(hours),
      german.change.gate(hours, german.change.before(hours)),
    ].map((sentence) => renderToStaticMarkup(sentence));
    expect(sentences.filter((sentence) => /\.\s*\./u.test(sentence))).toEqual([]);
  });
});

describe('the language', () => {
  it('is the one that was chosen, else the first of the browser’s that the app speaks, else English', () => {
    expect(languageFor('de', ['en-GB'])).toBe('de');
    expect(languageFor(null, ['fr', 'de-AT', 'en'])).toBe('de');
    expect(languageFor('nonsense', ['en-GB', 'de'])).toBe('en');
    expect(languageFor(null, ['fr'])).toBe('en');
    expect(languageFor(null, [])).toBe('en');
  });
});

describe('what is counted', () => {
  it('has a singular and a plural', () => {
    expect([counted(1, 'purchase'), counted(2n, 'purchase'), counted(0, 'purchase')]).toEqual([
      '1 purchase',
      '2 purchases',
      '0 purchases',
    ]);
    expect(counted(2, 'hash', 'hashes')).toBe('2 hashes');
  });
});
