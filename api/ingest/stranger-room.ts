import { PlatformError } from '../../domain/errors.js';

interface Bounds {
  /** What all bodies of strangers together may take. */
  readonly bytes: number;
  /** What those of one address may take. */
  readonly bytesOfAddress: number;
}

interface Guest {
  readonly address: string | undefined;
  readonly cutOff: (why: PlatformError) => void;
  bytes: number;
}

const crowded = (why: string) => new PlatformError('RATE_LIMITED', why, { retryAfterSeconds: 1 });

/**
 * The memory for bodies that nobody speaks for, yet. Where it is used up, the one that has been on its way for longest
 * is cut off: whoever sends slowly on purpose makes room first, and a client that sends its body at once gets in.
 */
export function strangerRoom({ bytes: most, bytesOfAddress }: Bounds) {
  /** Whose bodies are still coming in, the oldest first. */
  const arriving = new Set<Guest>();
  const ofAddress = new Map<string, number>();
  let held = 0;

  function count({ address }: Guest, bytes: number): void {
    held += bytes;
    if (address === undefined) return;
    const all = (ofAddress.get(address) ?? 0) + bytes;
    if (all > 0) ofAddress.set(address, all);
    else ofAddress.delete(address);
  }

  return {
    /** @param address undefined where it cannot be told: then only the room itself is a bound */
    enter(address: string | undefined, cutOff: (why: PlatformError) => void) {
      const guest: Guest = { address, cutOff, bytes: 0 };
      arriving.add(guest);

      const leave = (): void => {
        arriving.delete(guest);
        count(guest, -guest.bytes);
        guest.bytes = 0;
      };

      return {
        /** @throws RATE_LIMITED */
        take(bytes: number): void {
          if (address !== undefined && (ofAddress.get(address) ?? 0) + bytes > bytesOfAddress)
            throw crowded('too many bodies without a key in a header, from one address at once');
          guest.bytes += bytes;
          count(guest, bytes);
          for (const oldest of arriving) {
            if (held <= most || oldest === guest) break;
            arriving.delete(oldest);
            count(oldest, -oldest.bytes);
            oldest.bytes = 0;
            oldest.cutOff(crowded('it took too long to arrive, and others wait'));
          }
          if (held > most) throw crowded('too many bodies without a key in a header, at once');
        },
        /** It is all there: from now on it is not cut off. */
        arrived: (): void => void arriving.delete(guest),
        leave,
      };
    },

    /** Of all bodies. */
    bytes: () => held,
  };
}
