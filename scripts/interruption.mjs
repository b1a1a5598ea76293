/**
 * A signal that aborts when we are asked to stop. Asked again, nothing more happens: Ctrl-C reaches the whole
 * foreground group and is passed on by npm besides, so that it always comes twice.
 * @returns {AbortSignal}
 */
export function interruption() {
  const controller = new AbortController();
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(name, () => {
      controller.abort(new Error(`interrupted by ${name}`));
    });
  }
  // A reader of our output that goes away (`npm start | head`) is no reason to die without stopping the servers.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return controller.signal;
}

/**
 * Writes lines with the seconds since it was made.
 * @returns {(line: string) => void}
 */
export function speaker() {
  const began = performance.now();
  return (line) => {
    console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
}
