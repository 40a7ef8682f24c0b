/** How wide an element is drawn. */

import { useCallback, useState } from 'react';

/** The width of an element in pixels, and its `ref`; `first` until it is drawn. */
export function useWidth(first: number): readonly [(element: Element | null) => (() => void) | undefined, number] {
  const [width, setWidth] = useState(first);
  const ref = useCallback((element: Element | null) => {
    if (element === null) return undefined;
    const measure = () => {
      const drawn = Math.round(element.getBoundingClientRect().width);
      // What is hidden has no width; it is measured again once it is shown.
      if (drawn > 0) setWidth(drawn);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
