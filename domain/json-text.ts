import { LIMITS } from './limits.js';
import { own } from './loose.js';

/** As many as are built in one go: `JSON.parse` cannot be interrupted. */
const MOST_VALUES = 50_000;
/** So many characters, about, are built in one go where there are more values. */
const PIECE_CHARS = 64 * 1024;
/** More than any value of a batch may have, so that one that is cut is seen to be too deep. */
const MOST_LEVELS = LIMITS.jsonLevels;

/**
 * Of a list that must be read in pieces, and of an object's members: more than any that is taken. What is beyond is
 * read over. A list keeps its length, and the newest entries, which come last.
 */
const FIRST_KEPT = 3_001;
const LAST_KEPT = 1_000;
/** Of an object that must be read whole: to list the names of one takes ever longer. */
const MOST_MEMBERS = 20_000;

/** Of large lists and objects: every entry, or the first `FIRST_KEPT` and, of a list, the last `LAST_KEPT`. */
export type Keeps = 'all' | 'enough';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

const isOpen = (code: number): boolean => code === OPEN_LIST || code === OPEN_OBJECT;
const isClose = (code: number): boolean => code === OPEN_LIST + 2 || code === OPEN_OBJECT + 2;

/** Where lists and objects of more than `PIECE_CHARS` begin, and where each ends. */
type Large = ReadonlyMap<number, number>;

/**
 * The value of a JSON text, in steps of a few ms; between them its caller may do something else. What is nested more
 * deeply than anybody means it is null: whoever looks at that value refuses or cuts it, and the others are taken.
 * @throws SyntaxError where it is none
 */
export function* parsedJson(stated: string, keeps: Keeps = 'enough'): Generator<undefined, unknown> {
  let text = stated;
  let counted = yield* scanned(text);
  if (counted.levels > MOST_LEVELS) {
    text = yield* withoutDepths(text);
    counted = yield* scanned(text);
  }
  const { values, large } = counted;
  if (values <= MOST_VALUES) return JSON.parse(text) as unknown;
  const start = text.search(/\S/);
  const end = large.get(start);
  if (end === undefined || text.slice(end).trim() !== '') throw malformed('more than one value');
  return yield* inPieces(text, start, { large, keeps });
}

/** Counts what it would hold, before anything is built. @throws SyntaxError where brackets do not match */
export function sizeOfJson(text: string): { readonly values: number; readonly isTooDeep: boolean } {
  const scanner = scannerOf(text);
  scanner.scan(Infinity);
  const { values, levels } = scanner.counted();
  return { values, isTooDeep: levels > MOST_LEVELS };
}

const malformed = (what: string): SyntaxError => new SyntaxError(`${what} in JSON`);

interface Counted {
  readonly values: number;
  readonly levels: number;
  readonly large: Large;
}

/** Counts before anything is built, in steps. */
function* scanned(text: string): Generator<undefined, Counted> {
  const scanner = scannerOf(text);
  for (let until = PIECE_CHARS; !scanner.scan(until); until += PIECE_CHARS) yield;
  return scanner.counted();
}

function scannerOf(text: string) {
  const open: number[] = [];
  const large = new Map<number, number>();
  let values = 1;
  let levels = 0;
  let deeper = 0;
  let next = 0;

  return {
    /** In one go, and not as a generator: all that comes in is looked at here. @returns whether that was the end */
    scan(until: number): boolean {
      let at = next;
      for (; at < text.length && at < until; at++) {
        const code = text.charCodeAt(at);
        if (code === QUOTE) at = stringEnd(text, at);
        else if (code === COMMA) values += 1;
        else if (isOpen(code)) {
          values += 1;
          // What lies too deep is never read: how deep it goes is all there is to know.
          if (open.length > MOST_LEVELS) deeper += 1;
          else levels = Math.max(levels, open.push(at));
        } else if (deeper > 0 && isClose(code)) deeper -= 1;
        else if (isClose(code)) {
          const start = open.pop();
          if (start === undefined || text.charCodeAt(start) + 2 !== code) throw malformed('brackets that do not match');
          if (at - start >= PIECE_CHARS && open.length < MOST_LEVELS) large.set(start, at + 1);
        }
      }
      next = at;
      return at >= text.length;
    },

    counted(): Counted {
      if (open.length > 0) throw malformed('an unfinished list or object');
      return { values, levels, large };
    },
  };
}

/** With null for each list or object that lies too deep. */
function* withoutDepths(text: string): Generator<undefined, string> {
  const parts: string[] = [];
  let pieces: string[] = [];
  let level = 0;
  let from = 0;
  let pause = PIECE_CHARS;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (isOpen(code)) {
      level += 1;
      if (level === MOST_LEVELS + 1) pieces.push(text.slice(from, at), 'null');
    } else if (isClose(code)) {
      if (level === MOST_LEVELS + 1) from = at + 1;
      level -= 1;
    }
    if (at < pause) continue;
    pause = at + PIECE_CHARS;
    parts.push(pieces.join(''));
    pieces = [];
    yield;
  }
  return [...parts, ...pieces, text.slice(from)].join('');
}

/** The place of the quote that ends a string. */
function stringEnd(text: string, start: number): number {
  const first = text.indexOf('"', start + 1);
  if (first !== -1 && text.charCodeAt(first - 1) !== BACKSLASH) return first;
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at += 1;
  }
  throw malformed('an unfinished string');
}

/** Where a list or an object of moderate size ends. */
function smallEnd(text: string, start: number): number {
  let levels = 0;
  for (let at = start; ; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (isOpen(code)) levels += 1;
    else if (isClose(code) && --levels === 0) return at;
  }
}

interface InPieces {
  readonly large: Large;
  readonly keeps: Keeps;
}

/** A large list or object: runs of small members are each parsed as one, large members as this one is. */
function* inPieces(text: string, start: number, how: InPieces): Generator<undefined, unknown> {
  const { large, keeps } = how;
  const end = (large.get(start) ?? start) - 1;
  const kept = text.charCodeAt(start) === OPEN_LIST ? keptList(keeps) : keptMembers(keeps);
  let begun = start + 1;
  let separated = start;
  let isAfterLarge = false;

  const take = (piece: string): void => {
    if (isAfterLarge ? piece.trim() !== '' : piece.trim() === '') throw malformed('a misplaced comma');
    if (!isAfterLarge) kept.add(piece);
    isAfterLarge = false;
  };

  for (let at = start + 1; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (code === COMMA) {
      separated = at;
      if (!isAfterLarge && at - begun < PIECE_CHARS) continue;
      take(text.slice(begun, at));
      begun = at + 1;
      yield;
    } else if (isOpen(code)) {
      const last = large.get(at);
      if (last === undefined) {
        at = smallEnd(text, at);
        continue;
      }
      if (isAfterLarge) throw malformed('a missing comma');
      if (separated >= begun) take(text.slice(begun, separated));
      const name = text.slice(Math.max(begun, separated + 1), at);
      kept.addLarge(name, yield* inPieces(text, at, how));
      isAfterLarge = true;
      begun = last;
      at = last - 1;
    }
  }
  const rest = text.slice(begun, end);
  if (begun > start + 1 || rest.trim() !== '') take(rest);
  return kept.value;
}

interface Kept {
  readonly value: unknown;
  /** Some members with commas between them. */
  add(piece: string): void;
  /** @param before what stands between it and the comma before */
  addLarge(before: string, value: unknown): void;
}

function keptList(keeps: Keeps): Kept {
  const value: unknown[] = [];
  const add = (entry: unknown): void => {
    const passing = value.length - LAST_KEPT;
    if (keeps === 'enough' && passing >= FIRST_KEPT) value[passing] = null;
    value.push(entry);
  };
  return {
    value,
    add: (piece) => (JSON.parse(`[${piece}]`) as unknown[]).forEach(add),
    addLarge(before, entry) {
      if (before.trim() !== '') throw malformed('a missing comma');
      add(entry);
    },
  };
}

function keptMembers(keeps: Keeps): Kept {
  const value: Record<string, unknown> = {};
  let members = 0;
  const add = (name: string, member: unknown): void => {
    if (Object.hasOwn(value, name)) own(value, name, member);
    else if (members < (keeps === 'all' ? MOST_MEMBERS : FIRST_KEPT)) {
      own(value, name, member);
      members += 1;
    } else if (keeps === 'all') throw malformed(`more than ${String(MOST_MEMBERS)} members of an object`);
  };
  return {
    value,
    add(piece) {
      for (const [name, member] of Object.entries(JSON.parse(`{${piece}}`) as object)) add(name, member);
    },
    addLarge(before, member) {
      const [name, ...more] = Object.keys(JSON.parse(`{${before}0}`) as object);
      if (name === undefined || more.length > 0) throw malformed('a missing name');
      add(name, member);
    },
  };
}
