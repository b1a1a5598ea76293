import ipaddr from 'ipaddr.js';
import semver from 'semver';
import type { Cell, Elements } from './flag-subject.js';

export type Version = semver.SemVer;
export type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** An address, and how many of its first bits count. */
export type Network = readonly [Address, number];

const NUMBER = /^-?(?:0|[1-9]\d{0,99})(?:\.\d{1,99})?(?:[eE][+-]?\d{1,3})?$/;

/** A number as JSON writes it and nothing else; NaN for every other text. */
export function parseNumber(text: string): number {
  const number = NUMBER.test(text) ? Number(text) : NaN;
  return Number.isFinite(number) ? number : NaN;
}

const EPOCH_MS = /^-?\d{1,16}$/;
const MOST_MS = 8.64e15;
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d)))?$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Milliseconds since 1970 of a date (midnight UTC), a date and time with its zone, or digits, which are those
 * milliseconds; NaN for every other text. A time without a zone would be another one in each process.
 */
export function parseInstant(text: string): number {
  if (EPOCH_MS.test(text)) return Math.abs(Number(text)) <= MOST_MS ? Number(text) : NaN;
  const match = ISO.exec(text);
  if (match === null) return NaN;
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', fraction = ''] = match;
  const [sign = '', offsetHours = '0', offsetMinutes = '0'] = match.slice(8);
  const leap = Number(year) % 4 === 0 && (Number(year) % 100 !== 0 || Number(year) % 400 === 0);
  const days = (DAYS[Number(month) - 1] ?? 0) + (month === '02' && leap ? 1 : 0);
  if (Number(day) < 1 || Number(day) > days) return NaN;
  const utc = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`);
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  return sign === '-' ? utc + offset : utc - offset;
}

const VERSION_CHARS = 256;

/** Strictly `major.minor.patch` with what semver allows behind it, and a `v` before it; null for every other text. */
export const parseVersion = (text: string): Version | null =>
  text.length <= VERSION_CHARS && text.trim() === text ? semver.parse(text) : null;

/** npm's ranges: a pre-release is only in one that names a pre-release of the same version. */
export function parseRange(text: string): semver.Range | null {
  if (text.length > VERSION_CHARS || text.trim() !== text || text === '') return null;
  try {
    return new semver.Range(text);
  } catch {
    return null;
  }
}

const ADDRESS_CHARS = 50;
const IPV4_IN_IPV6 = 96;

/** Four decimal parts, or IPv6 without a zone; an IPv4 address within IPv6 is that IPv4 address. */
function parseAddress(text: string): Address | null {
  if (text.length > ADDRESS_CHARS || text.includes('%')) return null;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return text.includes(':') && ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : null;
}

/** `10.0.0.0/8`, or one address. */
export function parseNetwork(text: string): Network | null {
  const [, host = '', prefix] = /^([^/]{1,50})(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const address = parseAddress(host);
  if (address === null) return null;
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  if (prefix === undefined) return [address, bits];
  const length = Number(prefix) - (bits === 32 && host.includes(':') ? IPV4_IN_IPV6 : 0);
  return length >= 0 && length <= bits ? [address, length] : null;
}

// Each of these is made of a cell once, however many conditions ask.

export const lowerOf = (cell: Cell): string => (cell.lower ??= cell.text.toLowerCase());

export const numericOf = (cell: Cell): number =>
  cell.kind === 'number' ? cell.number : (cell.numeric ??= cell.kind === 'text' ? parseNumber(cell.text) : NaN);

const madeOf = (cell: Cell): NonNullable<Cell['made']> => (cell.made ??= {});

export const instantOf = (cell: Cell): number =>
  cell.kind === 'number'
    ? cell.number
    : (madeOf(cell).instant ??= cell.kind === 'text' ? parseInstant(cell.text) : NaN);

export function versionOf(cell: Cell): Version | null {
  const made = madeOf(cell);
  if (made.version === undefined) made.version = cell.kind === 'text' ? parseVersion(cell.text) : null;
  return made.version;
}

export function addressOf(cell: Cell): Address | null {
  const made = madeOf(cell);
  if (made.address === undefined) made.address = cell.kind === 'text' ? parseAddress(cell.text) : null;
  return made.address;
}

export const elementsOf = (cell: Cell, caseInsensitive: boolean): Elements =>
  caseInsensitive
    ? (madeOf(cell).lowerElements ??= elementsIn(cell.list, (text) => text.toLowerCase()))
    : (madeOf(cell).elements ??= elementsIn(cell.list, (text) => text));

function elementsIn(list: Cell['list'], fold: (text: string) => string): Elements {
  const texts = new Set<string>();
  const numbers = new Set<number>();
  for (const element of list) {
    if (typeof element === 'number') numbers.add(element);
    else texts.add(fold(String(element)));
  }
  return { texts, numbers };
}
