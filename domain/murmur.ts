/** MurmurHash3 x86 32-bit, in two steps: what many texts begin with is hashed once. */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** A hash on its way. */
export interface MurmurState {
  readonly hash: number;
  /** The bytes that do not make a block yet, the first one lowest. */
  readonly tail: number;
  /** How many bits those are: 0, 8, 16 or 24. */
  readonly tailBits: number;
  /** Bytes so far. */
  readonly length: number;
}

const scramble = (block: number): number => {
  const k = Math.imul(block, C1);
  return Math.imul((k << 15) | (k >>> 17), C2);
};

const mix = (hash: number, block: number): number => {
  const h = hash ^ scramble(block);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
};

export const murmurStart = (seed: number): MurmurState => ({ hash: seed | 0, tail: 0, tailBits: 0, length: 0 });

export function murmurNext(state: MurmurState, bytes: Uint8Array): MurmurState {
  let { hash, tail, tailBits } = state;
  for (const byte of bytes) {
    tail |= byte << tailBits;
    tailBits += 8;
    if (tailBits === 32) {
      hash = mix(hash, tail);
      tail = 0;
      tailBits = 0;
    }
  }
  return { hash, tail, tailBits, length: state.length + bytes.length };
}

/** The hash of what the state has seen and these bytes after it; the state stays as it was. */
export function murmurEnd(state: MurmurState, bytes: Uint8Array): number {
  let { hash, tail, tailBits } = state;
  const end = bytes.length;
  const blocks = end & ~3;
  let at = 0;
  for (; at < blocks; at += 4) {
    const four =
      (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    hash = mix(hash, tail | (four << tailBits));
    // A shift by 32 is one by 0 in JavaScript.
    tail = tailBits === 0 ? 0 : four >>> (32 - tailBits);
  }
  for (; at < end; at++) {
    tail |= (bytes[at] ?? 0) << tailBits;
    tailBits += 8;
    if (tailBits === 32) {
      hash = mix(hash, tail);
      tail = 0;
      tailBits = 0;
    }
  }
  if (tailBits > 0) hash ^= scramble(tail);
  hash ^= state.length + end;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export const murmur3 = (bytes: Uint8Array, seed = 0): number => murmurEnd(murmurStart(seed), bytes);
