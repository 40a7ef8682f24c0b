/** Which names look alike. */

/**
 * Letters that look like Latin ones, small and in the order of the Latin letters: Cyrillic and Greek ones of Unicode's
 * table of confusable characters (UTS 39), and capitals that look like a Latin capital.
 */
const LOOKS_LIKE: Readonly<Record<string, string>> = {
  ...{ а: 'a', ɑ: 'a', α: 'a', в: 'b', β: 'b', ь: 'b', с: 'c', ϲ: 'c', ԁ: 'd', е: 'e', ε: 'e', ҽ: 'e', ɡ: 'g' },
  ...{ һ: 'h', н: 'h', η: 'n', і: 'i', ι: 'i', ӏ: 'l', ј: 'j', ϳ: 'j', к: 'k', κ: 'k', м: 'm', μ: 'm', п: 'n' },
  ...{ ո: 'n', о: 'o', ο: 'o', σ: 'o', օ: 'o', р: 'p', ρ: 'p', ԛ: 'q', г: 'r', ѕ: 's', т: 't', τ: 't', υ: 'u' },
  ...{ ս: 'u', ν: 'v', ѵ: 'v', ԝ: 'w', ω: 'w', ѡ: 'w', х: 'x', χ: 'x', у: 'y', γ: 'y', ү: 'y', ζ: 'z', з: '3' },
};

/** A name without what the eye passes over: case, spaces, signs, accents, and letters that look like others. */
export function likeness(name: string): string {
  return Array.from(name.normalize('NFKD').toLowerCase(), (sign) => LOOKS_LIKE[sign] ?? sign)
    .join('')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .replace(/[il]/gu, '1')
    .replace(/o/gu, '0')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w');
}
