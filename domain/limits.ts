export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;

/** Bounds on what a client may send, in bytes of UTF-8 where it is text. */
export const LIMITS = {
  bodyBytes: 4 * 1024 * 1024,
  inflatedBytes: 8 * 1024 * 1024,
  batchItems: 3_000,
  /** Of one request as it waits to be stored: more than it weighs on the wire, and less than a document may have. */
  flushBytes: 12 * 1024 * 1024,
  eventBytes: 64 * 1024,
  url: 4 * 1024,
  text: 8 * 1024,
  mapEntries: 64,
  mapKey: 200,
  mapValue: 1024,
  /** Lists and objects inside each other in a JSON text, whoever sends it. */
  jsonLevels: 64,
  /** How far a client's clock may be ahead, in ms. */
  aheadMs: DAY_MS,
} as const;

export const FAULT_CODES = [
  'APP_MISMATCH',
  'FIELD_INVALID',
  'FIELD_MISSING',
  'FIELD_TOO_LONG',
  'IDENTITY_PROOF_INVALID',
  'PROFILE_MISSING',
  'TIMESTAMP_IN_FUTURE',
  'TIMESTAMP_MISSING',
  'TIMESTAMP_TOO_OLD',
] as const;
export type FaultCode = (typeof FAULT_CODES)[number];

/** Why one item of a batch is refused. */
export interface Fault {
  readonly code: FaultCode;
  readonly field: string;
}

/** Bytes of `text` in UTF-8. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x800) bytes += 2;
    else if (unit >= 0x80) bytes += 1;
    // A pair is four bytes: two units, and the two added for its first half.
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) i++;
    }
  }
  return bytes;
}

/** The longest beginning of `text` that fits, without half a character at its end. */
export function cutText(text: string, limit: number): string {
  if (text.length * 3 <= limit) return text;
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > limit) return text.slice(0, i);
    if (code >= 0x10000) i++;
  }
  return text;
}

export function checkText(field: string, text: string, limit: number): Fault | undefined {
  // Three bytes a code unit at most, so short text needs no count.
  if (text.length * 3 <= limit) return undefined;
  return text.length > limit || utf8Length(text) > limit ? { code: 'FIELD_TOO_LONG', field } : undefined;
}

/** NUL in a key is refused: BSON cannot hold it. All other odd keys are data. */
export function checkMap(field: string, map: Readonly<Record<string, string>>): Fault | undefined {
  let entries = 0;
  for (const [key, value] of Object.entries(map)) {
    if (++entries > LIMITS.mapEntries) return { code: 'FIELD_TOO_LONG', field };
    if (key.includes('\0')) return { code: 'FIELD_INVALID', field };
    const fault = checkText(field, key, LIMITS.mapKey) ?? checkText(field, value, LIMITS.mapValue);
    if (fault) return fault;
  }
  return undefined;
}

export const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

/** Whole and within its range; the wire's int32 unless told otherwise. */
export function checkNumber(field: string, value: number, least: number, most = INT32_MAX): Fault | undefined {
  return Number.isSafeInteger(value) && value >= least && value <= most ? undefined : { code: 'FIELD_INVALID', field };
}

/** A time is kept as sent, or the item is refused; it is never moved. */
export function timeFault(timestampMs: number, now: number, retentionDays: number): Fault | undefined {
  const field = 'timestampMs';
  if (!Number.isSafeInteger(timestampMs)) return { code: 'FIELD_INVALID', field };
  if (timestampMs <= 0) return { code: 'TIMESTAMP_MISSING', field };
  if (timestampMs > now + LIMITS.aheadMs) return { code: 'TIMESTAMP_IN_FUTURE', field };
  if (timestampMs < now - retentionDays * DAY_MS) return { code: 'TIMESTAMP_TOO_OLD', field };
  return undefined;
}

/** Whether a value from outside is nested deeper than that: JSON.parse survives a million brackets, JSON.stringify does not. */
export function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => deeperThan(inner, levels - 1));
}
