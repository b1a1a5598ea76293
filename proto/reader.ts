import protobuf from 'protobufjs/minimal.js';
import { PlatformError } from '../domain/errors.js';

/** A protobuf reader whose int64 is a number. Strings are verified by the generated code: invalid UTF-8 is an error. */
export type Reader = protobuf.Reader;

/** Reads the whole of `bytes`; whatever is wrong with them is one refusal, `BODY_MALFORMED`. */
export function readMessage<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  const reader = new protobuf.Reader(bytes);
  // On this reader only: protobufjs as a whole, which Temporal shares with us, keeps its Long objects.
  reader.int64 = int64 as unknown as Reader['int64'];
  try {
    return read(reader);
  } catch (cause) {
    if (cause instanceof PlatformError) throw cause;
    throw bodyMalformed('protobuf', cause);
  }
}

export function bodyMalformed(format: 'protobuf' | 'JSON', cause: unknown): PlatformError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PlatformError('BODY_MALFORMED', `the body cannot be read as ${format}: ${reason}`, { cause });
}

export function batchTooLarge(maxItems: number): PlatformError {
  return new PlatformError('BATCH_TOO_LARGE', `a batch holds at most ${String(maxItems)} items`);
}

const EXACT_BYTES = 7;
const MAX_BYTES = 10;

/** 7 varint bytes are 49 bits, which a double holds exactly; only longer ones (negative or huge) pay for a BigInt. */
function int64(this: Reader): number {
  const { buf, len, pos: start } = this;
  let pos = start;
  let value = 0;
  for (let scale = 1; pos < len && pos < start + EXACT_BYTES; scale *= 128) {
    const byte = buf[pos++] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) {
      this.pos = pos;
      return value;
    }
  }

  let wide = BigInt(value);
  for (; pos < len && pos < start + MAX_BYTES; pos++) {
    const byte = buf[pos] ?? 0;
    wide |= BigInt(byte & 127) << BigInt(7 * (pos - start));
    if (byte < 128) {
      this.pos = pos + 1;
      const signed = Number(BigInt.asIntN(64, wide));
      return Number.isSafeInteger(signed) ? signed : NaN;
    }
  }
  throw new RangeError(pos < len ? 'varint of more than 10 bytes' : `index out of range: ${String(pos)}`);
}
