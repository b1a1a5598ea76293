import { destination, type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { withoutKeys } from './domain/key.js';

interface LogOptions {
  readonly name: string;
  readonly level: string;
  readonly out?: DestinationStream;
}

/** The process's own output. A full disk or a closed pipe costs lines, never the process. */
function standardOutput(): DestinationStream {
  const out = destination({ fd: 1, sync: true });
  out.on('error', () => undefined);
  return out;
}

/** Node puts into an error what a client has sent, byte by byte. */
const errorOf = (error: Error): object => ({ ...stdSerializers.err(error), rawPacket: undefined });

/** The log of a process of ours. Whatever is told, no line holds a key or a token. */
export function processLog({ name, level, out = standardOutput() }: LogOptions): Logger {
  const options = {
    level,
    base: { process: name },
    // Temporal's SDK calls it `error`, and without a serializer nothing of an error is seen.
    serializers: { err: errorOf, error: errorOf },
    hooks: { streamWrite: withoutKeys },
  };
  return pino(options, out);
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
