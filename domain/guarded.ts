type OnError = (error: unknown) => unknown;

/**
 * For work that nobody waits for. What it throws, at once or later, would end the process: here it goes to `onError`,
 * and the promise is always kept.
 */
export async function quietly(work: () => unknown, onError: OnError): Promise<void> {
  try {
    await work();
  } catch (error) {
    try {
      await onError(error);
    } catch {
      // Not even to be able to say so is no reason to end.
    }
  }
}

/** The same as a callback: for timers, event handlers, hooks and whatever else is called outside any promise. */
export function guarded<A extends readonly unknown[]>(
  work: (...args: A) => unknown,
  onError: OnError,
): (...args: A) => void {
  return (...args) => void quietly(() => work(...args), onError);
}
