interface Waiting<T, R> {
  readonly item: T;
  readonly weight: number;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What waits at one moment is done as one piece of work, one piece after the other. Where a joint piece fails, each of
 * its items is tried by itself, so that none fails for another's sake.
 * @param work gives a result for each item, in their order
 * @param weight of an item; a piece takes items up to `most` of it, and at least one
 */
export function together<T, R>(
  work: (items: readonly T[]) => Promise<readonly R[]>,
  weight: (item: T) => number,
  most: number,
): (item: T) => Promise<R> {
  const waiting: Waiting<T, R>[] = [];
  let running = false;

  async function run(piece: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await work(piece.map(({ item }) => item));
      piece.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result === undefined) reject(new Error('a piece of work left an item out'));
        else resolve(result);
      });
    } catch (error) {
      if (piece.length === 1) for (const { reject } of piece) reject(error);
      else for (const each of piece) await run([each]);
    }
  }

  async function pump(): Promise<void> {
    running = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const piece = [next];
      let sum = next.weight;
      for (let more = waiting[0]; more !== undefined && sum + more.weight <= most; more = waiting[0]) {
        sum += more.weight;
        piece.push(more);
        waiting.shift();
      }
      await run(piece);
    }
    running = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      // Weighed here, where it may fail: in the pump it would end the process, and all that waits would wait for ever.
      waiting.push({ item, weight: weight(item), resolve, reject });
      if (!running) void pump();
    });
}
