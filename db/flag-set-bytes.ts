import type { Outcome } from '../domain/flag-rules.js';
import type { PreparedSet } from '../domain/flag-set.js';
import { encoded } from './bson-documents.js';

/** What an answer adds to each set that has it. */
interface Pieces {
  /** The element of `flags`: type, key and value. */
  readonly flag: Uint8Array;
  /** Its part of the text of `reasons`, but for the bucket and the end. */
  readonly reason: Uint8Array | undefined;
}

const SLAB_BYTES = 1024 * 1024;
const text = (said: string): Uint8Array => Buffer.from(said, 'utf8');
const TYPE_OBJECT = 3;
const TYPE_STRING = 2;
const [FLAGS, REASONS, DIGEST] = ['flags\0', 'reasons\0', 'digest\0'].map(text) as [Uint8Array, Uint8Array, Uint8Array];
const ENDS = Array.from({ length: 101 }, (_, bucket) => text(bucket === 0 ? '}' : `,"bucket":${String(bucket)}}`));
const DIGEST_BYTES = 32;
/** All but the elements of `flags` and what is between the braces of `reasons`: lengths, types, names and ends. */
const FRAME_BYTES = 5 + (1 + FLAGS.length + 5) + (1 + REASONS.length + 5 + 2) + (1 + DIGEST.length + 5 + DIGEST_BYTES);
const [COMMA, OPEN, CLOSE] = [',', '{', '}'].map((each) => each.charCodeAt(0)) as [number, number, number];

/**
 * Writes sets as BSON documents of `flags`, `reasons` and `digest`, without objects or texts in between: sets of an app
 * consist of the same few answers, and each is encoded once. A pass spends half of its time on this otherwise.
 */
export function setEncoder(): (set: PreparedSet) => Uint8Array {
  const known = new WeakMap<Outcome, Pieces>();
  let slab = Buffer.alloc(0);
  let used = 0;

  function piecesOf(outcome: Outcome): Pieces {
    let pieces = known.get(outcome);
    if (pieces === undefined) known.set(outcome, (pieces = encodedPieces(outcome)));
    return pieces;
  }

  function room(bytes: number): number {
    if (used + bytes > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
      used = 0;
    }
    used += bytes;
    return used - bytes;
  }

  return ({ outcomes, buckets, digest }) => {
    const pieces = outcomes.map(piecesOf);
    let flagBytes = 0;
    let reasonBytes = 0;
    for (let index = 0; index < pieces.length; index++) {
      const { flag, reason } = pieces[index] as Pieces;
      flagBytes += flag.length;
      if (reason === undefined) continue;
      reasonBytes += (reasonBytes === 0 ? 0 : 1) + reason.length + endOf(buckets[index]).length;
    }
    const size = FRAME_BYTES + flagBytes + reasonBytes;
    const start = room(size);
    const bytes = slab;
    let at = start;
    const put = (piece: Uint8Array): void => {
      bytes.set(piece, at);
      at += piece.length;
    };
    const length = (value: number): void => {
      at = bytes.writeInt32LE(value, at);
    };

    length(size);
    bytes[at++] = TYPE_OBJECT;
    put(FLAGS);
    length(flagBytes + 5);
    for (const { flag } of pieces) put(flag);
    bytes[at++] = 0;
    bytes[at++] = TYPE_STRING;
    put(REASONS);
    length(reasonBytes + 3);
    bytes[at++] = OPEN;
    let isFirst = true;
    for (let index = 0; index < pieces.length; index++) {
      const { reason } = pieces[index] as Pieces;
      if (reason === undefined) continue;
      if (!isFirst) bytes[at++] = COMMA;
      isFirst = false;
      put(reason);
      put(endOf(buckets[index]));
    }
    bytes[at++] = CLOSE;
    bytes[at++] = 0;
    bytes[at++] = TYPE_STRING;
    put(DIGEST);
    length(DIGEST_BYTES + 1);
    at += bytes.write(digest, at, DIGEST_BYTES, 'latin1');
    bytes[at++] = 0;
    bytes[at++] = 0;
    return bytes.subarray(start, at);
  };
}

function endOf(bucket = 0): Uint8Array {
  const end = ENDS[bucket];
  if (end === undefined) throw new RangeError(`there is no bucket ${String(bucket)}`);
  return end;
}

function encodedPieces({ flagKey, evaluation, stored }: Outcome): Pieces {
  // A map: whatever a flag is called, it is a key and nothing else.
  const flag = encoded(new Map([[flagKey, evaluation.value]])).subarray(4, -1);
  if (stored === undefined) return { flag, reason: undefined };
  return { flag, reason: text(`${JSON.stringify(flagKey)}:${JSON.stringify(stored).slice(0, -1)}`) };
}
