import { destination, type Logger, pino, stdSerializers } from 'pino';

/** The log of a process of ours, on its standard output. A full disk or a closed pipe costs lines, never the process. */
export function processLog({ name, level }: { readonly name: string; readonly level: string }): Logger {
  const out = destination({ fd: 1, sync: true });
  out.on('error', () => undefined);
  // Temporal's SDK calls it `error`, and without a serializer nothing of an error is seen.
  return pino({ level, base: { process: name }, serializers: { error: stdSerializers.err } }, out);
}

interface Deps {
  readonly log: Pick<Logger, 'fatal'>;
  /** What the process was doing, for the log. */
  readonly doing?: () => object;
}

/**
 * The last net: what nobody has caught has left something half done, so the process ends, and says what it was doing.
 * Whoever watches over it starts it again. Nothing of ours is to come this far: it is caught where it is thrown.
 */
export function lastNet({ log, doing = () => ({}) }: Deps): void {
  const end = (origin: string) => (err: unknown) => {
    try {
      log.fatal({ err, origin, ...doing() }, 'ends by what nobody has caught');
    } finally {
      process.exit(1);
    }
  };
  process.on('uncaughtException', end('exception'));
  process.on('unhandledRejection', end('rejection'));
}

/** Tells whoever started us, if anybody did; one that is gone is noticed by `disconnect`. */
export function tellParent(message: object): void {
  process.send?.(message, () => undefined);
}
