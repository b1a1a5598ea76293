/** Runs what it is given one after the other, in the order it came; one that fails does not stop the next. */
export function sequentially() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const running = last.then(task, task);
    last = running.catch(() => undefined);
    return running;
  };
}
