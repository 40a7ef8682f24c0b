/** Amounts whose unit a line break parts from their number. */

import type { Page } from 'playwright-core';

/** Amounts in sight that are parted, as their texts. One that is longer than its line may have its unit below it. */
export function parted(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    // A text begins a line where nothing before it reaches down to it.
    const linesOf = (range: Range) => {
      let [lines, bottom] = [0, -Infinity];
      const all = [...range.getClientRects()].filter(({ width }) => width > 0).sort((a, b) => a.top - b.top);
      for (const rect of all) {
        if (rect.top > bottom - 4) lines += 1;
        bottom = Math.max(bottom, rect.bottom);
      }
      return lines;
    };
    const found: string[] = [];
    // Those with an element of their own.
    for (const amount of document.querySelectorAll('.amount')) {
      const range = document.createRange();
      range.selectNodeContents(amount);
      const text = amount.textContent.trim();
      if (text.length <= 12 && linesOf(range) > 1) found.push(text);
    }
    // Those within a sentence.
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = node.textContent ?? '';
      for (const match of text.matchAll(
        /\d[\d.,\u00a0]*\s(?:k?Wh|kW|SOL|%|tokens|Token|Tage?n?|Std|Min|days?|hr|min)(?![\w/])/gu,
      )) {
        const range = document.createRange();
        range.setStart(node, match.index);
        range.setEnd(node, match.index + match[0].length);
        if (match[0].length <= 12 && linesOf(range) > 1) found.push(match[0]);
      }
    }
    return found;
  });
}
