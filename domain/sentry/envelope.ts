import { parsedJson } from '../json-text.js';
import { isObject, type Json } from '../loose.js';
import { finished } from '../steps.js';

/** One item that is read; the others are skipped while they come in. */
export interface EnvelopeItem {
  readonly type: string;
  /** Its place among all items of the envelope. */
  readonly index: number;
  readonly payload: Uint8Array;
}

export interface Envelope {
  readonly header: Json;
  readonly items: readonly EnvelopeItem[];
  /** All that was kept, as it came: the same request has the same bytes. */
  readonly kept: Uint8Array;
}

interface Deps {
  /** UTF-8; what is none is replaced, never refused. */
  readonly decode: (bytes: Uint8Array) => string;
  /** The types of item that are kept. */
  readonly keeps: ReadonlySet<string>;
  readonly maxItems: number;
  readonly maxKeptBytes: number;
}

interface Span {
  readonly type: string;
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

const NEWLINE = 0x0a;
const FIRST_CAPACITY = 4 * 1024;
/** Of the envelope's header, and of each item's: a longer one is none. */
export const HEADER_BYTES = 64 * 1024;

/**
 * Reads an envelope as it comes in: a header line, then for each item a header line and a payload, of a stated length
 * or up to the next line break. Payloads of other types, such as attachments, are passed over and take no memory.
 * An item that makes no sense is skipped; lines past `maxItems` are not looked at.
 */
export function envelopeReader({ decode, keeps, maxItems, maxKeptBytes }: Deps) {
  let kept = new Uint8Array(0);
  let length = 0;
  let expected: 'header' | 'item' | 'line' | 'counted' | 'nothing' = 'header';
  let lineStart = 0;
  let left = 0;
  let keeping = true;
  let type = '';
  let index = -1;
  let blankLines = 0;
  let header: Json | undefined;
  const spans: Span[] = [];

  /** @returns false where it is more than may be kept */
  function keep(bytes: Uint8Array): boolean {
    const needed = length + bytes.length;
    if (needed > maxKeptBytes) return false;
    if (needed > kept.length) {
      const larger = new Uint8Array(Math.min(maxKeptBytes, Math.max(needed, kept.length * 2, FIRST_CAPACITY)));
      larger.set(kept.subarray(0, length));
      kept = larger;
    }
    kept.set(bytes, length);
    length = needed;
    return true;
  }

  function json(): unknown {
    if (length - lineStart > HEADER_BYTES) return undefined;
    try {
      return finished(parsedJson(decode(kept.subarray(lineStart, length))));
    } catch {
      return undefined;
    }
  }

  const isBlank = (): boolean => kept.subarray(lineStart, length).every((byte) => byte <= 0x20);

  function expectItem(): void {
    keeping = true;
    lineStart = length;
    expected = index + 1 < maxItems ? 'item' : 'nothing';
  }

  function endPayload(): void {
    if (keeping) spans.push({ type, index, start: lineStart, end: length });
    expectItem();
  }

  function endLine(): void {
    if (expected === 'line') {
      endPayload();
      return;
    }
    if (expected === 'header') {
      const value = json();
      header = isObject(value) ? value : undefined;
      expectItem();
      if (header === undefined) expected = 'nothing';
      return;
    }
    if (isBlank()) {
      blankLines += 1;
      lineStart = length;
      if (blankLines > maxItems) expected = 'nothing';
      return;
    }
    index += 1;
    const item = json();
    if (!isObject(item) || typeof item['type'] !== 'string') {
      expectItem();
      return;
    }
    type = item['type'];
    keeping = keeps.has(type);
    lineStart = length;
    const stated = item['length'];
    const isCounted = typeof stated === 'number' && Number.isSafeInteger(stated) && stated >= 0;
    expected = isCounted ? 'counted' : 'line';
    left = isCounted ? stated : 0;
    if (isCounted && left === 0) endPayload();
  }

  return {
    /** @returns false where the envelope is larger than may be kept: there is no use in reading on */
    push(chunk: Uint8Array): boolean {
      let at = 0;
      while (at < chunk.length && expected !== 'nothing') {
        const isCounted = expected === 'counted';
        const lineBreak = isCounted ? -1 : chunk.indexOf(NEWLINE, at);
        const end = isCounted ? Math.min(at + left, chunk.length) : lineBreak < 0 ? chunk.length : lineBreak + 1;
        if (keeping && !keep(chunk.subarray(at, end))) return false;
        left -= end - at;
        at = end;
        if (lineBreak >= 0) endLine();
        else if (isCounted && left === 0) endPayload();
      }
      return true;
    },

    /** Undefined while its line has not ended, null where it is none. */
    header: (): Json | null | undefined => (expected === 'header' ? undefined : (header ?? null)),

    /** Undefined where the header is none. A payload that was cut off is given as far as it came. */
    finish(): Envelope | undefined {
      if (expected === 'header') endLine();
      else if (expected === 'line' || expected === 'counted') endPayload();
      if (header === undefined) return undefined;
      const items = spans.map(({ start, end, ...item }) => ({ ...item, payload: kept.subarray(start, end) }));
      return { header, items, kept: kept.subarray(0, length) };
    },
  };
}
