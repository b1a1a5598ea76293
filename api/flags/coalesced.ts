/**
 * Runs `work` once at a time. Who asks while it runs gets the run after it, together with all others that ask: it
 * began later than they asked, so it has seen what they know of.
 */
export function coalesced<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let following: Promise<T> | undefined;

  function start(): Promise<T> {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  }

  return () => {
    if (running === undefined && following === undefined) return start();
    following ??= (running ?? Promise.resolve())
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        following = undefined;
        return start();
      });
    return following;
  };
}
