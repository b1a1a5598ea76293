import protobuf from 'protobufjs/minimal.js';
import { PlatformError } from '../domain/errors.js';

export type Reader = protobuf.Reader;

interface BoundedReader extends Reader {
  partsLeft: number;
  itemPartsLeft: number;
}

/**
 * Strings, map entries and messages in one body. 3,000 events with 64 metadata entries each have 620,000, while 8 MiB
 * can hold 4 million empty ones, which would take hundreds of megabytes as objects.
 */
const MAX_PARTS = 1_000_000;
/** Fields in one item: what is decoded in one go. An event with all it may have needs 250. */
const MAX_ITEM_PARTS = 50_000;

/**
 * Reads the whole of `bytes`; whatever is wrong with them is one refusal, `BODY_MALFORMED`. The generated code verifies
 * strings (invalid UTF-8 is an error) and checks every length against the bytes that are there before it allocates.
 */
export function readMessage<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  return refusing(() => read(readerOf(bytes)));
}

/** As `readMessage`, an item at a time; `read` answers undefined where it has read something that is none. */
export function* readEach<T>(
  bytes: Uint8Array,
  read: (reader: Reader) => { readonly item: T } | undefined,
): Iterable<T> {
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    reader.itemPartsLeft = MAX_ITEM_PARTS;
    const found = refusing(() => read(reader));
    if (found !== undefined) yield found.item;
  }
}

/** A tag and a value. */
const LEAST_FIELD_BYTES = 2;

/** Only this reader differs: protobufjs as a whole, which Temporal uses as well, keeps its Long objects. */
function readerOf(bytes: Uint8Array): BoundedReader {
  const bounds = { partsLeft: MAX_PARTS, itemPartsLeft: MAX_ITEM_PARTS };
  const reader = Object.assign(new protobuf.Reader(bytes), bounds, { size, int64 });
  // To count each field takes a tenth of the decoding, and a small body has too few for it to matter.
  return bytes.length > MAX_ITEM_PARTS * LEAST_FIELD_BYTES ? Object.assign(reader, { tag }) : reader;
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof PlatformError) throw cause;
    throw bodyMalformed('protobuf', cause);
  }
}

export function bodyMalformed(format: 'protobuf' | 'JSON', cause: unknown): PlatformError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PlatformError('BODY_MALFORMED', `the body cannot be read as ${format}: ${reason}`, { cause });
}

export function batchTooLarge(reason: string): PlatformError {
  return new PlatformError('BATCH_TOO_LARGE', reason);
}

/** Called for the length in front of each string, map entry and message. */
function size(this: BoundedReader): number {
  this.partsLeft -= 1;
  if (this.partsLeft < 0) throw batchTooLarge(`a batch holds at most ${String(MAX_PARTS)} values`);
  return protobuf.Reader.prototype.size.call(this);
}

/** Called in front of each field, also those that nobody knows. */
function tag(this: BoundedReader): number {
  this.itemPartsLeft -= 1;
  if (this.itemPartsLeft < 0) throw batchTooLarge(`an item holds at most ${String(MAX_ITEM_PARTS)} fields`);
  return protobuf.Reader.prototype.tag.call(this);
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
