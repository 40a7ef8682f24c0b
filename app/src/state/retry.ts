/** Asking until there is an answer. */

/** Waits, unless `signal` is given first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

/**
 * Asks again and again, with pauses, until the answer is not `undefined` or `signal` is given; `onFailure` hears of
 * what was thrown in between.
 */
export async function untilAnswered<T>(
  ask: () => Promise<T | undefined>,
  signal: AbortSignal,
  pauseMs: number,
  onFailure: (error: unknown) => void,
): Promise<T | undefined> {
  const isOver = () => signal.aborted;
  while (!isOver()) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!isOver()) onFailure(error);
    }
    await pause(pauseMs, signal);
  }
  return undefined;
}
