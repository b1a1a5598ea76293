import { PlatformError } from '../../domain/errors.js';

interface Bounds {
  readonly atOnce: number;
  readonly ofAddressAtOnce: number;
  readonly waiting: number;
  readonly ofAddressWaiting: number;
}

interface Waiting {
  readonly address: string | undefined;
  readonly begin: () => void;
}

/**
 * A turn for each body that a key is looked for in: few at once, and few of one address. The others wait, each for a
 * few ms. @throws RATE_LIMITED where too many wait already
 */
export function strangerTurns({ atOnce, ofAddressAtOnce, waiting: mostWaiting, ofAddressWaiting }: Bounds) {
  const waiting: Waiting[] = [];
  const busy = new Map<string, number>();
  let all = 0;

  const isFree = (address: string | undefined): boolean =>
    all < atOnce && (address === undefined || (busy.get(address) ?? 0) < ofAddressAtOnce);

  function begin(address: string | undefined): void {
    all += 1;
    if (address !== undefined) busy.set(address, (busy.get(address) ?? 0) + 1);
  }

  function end(address: string | undefined): void {
    all -= 1;
    if (address !== undefined) {
      const left = (busy.get(address) ?? 1) - 1;
      if (left > 0) busy.set(address, left);
      else busy.delete(address);
    }
    const next = waiting.findIndex((each) => isFree(each.address));
    if (next !== -1) waiting.splice(next, 1)[0]?.begin();
  }

  function turn(address: string | undefined): Promise<void> | undefined {
    if (isFree(address)) {
      begin(address);
      return undefined;
    }
    const ofAddress = address === undefined ? 0 : waiting.filter((each) => each.address === address).length;
    if (waiting.length >= mostWaiting || ofAddress >= ofAddressWaiting)
      throw new PlatformError('RATE_LIMITED', 'too many bodies without a key in a header', { retryAfterSeconds: 1 });
    return new Promise((resolve) => {
      const started = (): void => {
        begin(address);
        resolve();
      };
      waiting.push({ address, begin: started });
    });
  }

  return async <T>(address: string | undefined, work: () => Promise<T>): Promise<T> => {
    await turn(address);
    try {
      return await work();
    } finally {
      end(address);
    }
  };
}
