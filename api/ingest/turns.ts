/** For how long one request may keep the event loop to itself. */
const TURN_MS = 10;

const waiting: (() => void)[] = [];

/** One in each round of the loop: between two of them, whatever else has come in has its turn. */
function resumeOne(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(resumeOne);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(resumeOne);
  });
}

/** Undefined while the caller's turn lasts; when it is over, what to wait for. */
export type Breather = () => Promise<void> | undefined;

/** For work that may take long: to be asked between its steps. */
export function breather(now: () => number = performance.now.bind(performance)): Breather {
  let since = now();
  return () => {
    if (now() - since < TURN_MS) return undefined;
    return nextTurn().then(() => {
      since = now();
    });
  };
}

/** As `map`, with a breath between where it takes long. */
export async function steadilyMapped<T, R>(items: readonly T[], work: (item: T) => R, breathe: Breather): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    results.push(work(item));
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
  return results;
}

/** All steps, with a breath between them where they take long. */
export async function steadily<T>(steps: Generator<undefined, T>, breathe: Breather): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
}
