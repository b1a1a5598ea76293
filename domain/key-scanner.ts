/** Longer texts are no key, and no name of anything that is looked at. */
const LONGEST_TEXT = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_LIST = 0x5d;
const CLOSE_OBJECT = 0x7d;

/**
 * Where a list or an object stands. `whole` is the body itself, `first` the first item of the batch or list that the
 * body holds. Nothing below the others is looked at.
 */
type Place = 'whole' | 'batch' | 'first' | 'properties' | 'elsewhere';

/** What is found, by its place: the better ones first. */
export interface KeyPlaces {
  /** Names of members of the body itself. The first that comes is taken, and ends the search. */
  readonly ofWhole: readonly string[];
  /** Names of members of the first item. */
  readonly ofFirst?: readonly string[];
  /** Names of members of the first item's `properties`. */
  readonly ofProperties?: readonly string[];
}

interface Level {
  readonly place: Place;
  readonly isList: boolean;
  /** Of the entry of a list. */
  index: number;
  /** Of the member of an object. */
  name: string;
}

/** No list or object that is looked at lies deeper: the body, its batch, the first item, its properties. */
const MOST_LEVELS = 4;

/**
 * Finds the app key in a JSON text as its bytes come in, and builds nothing: what it takes in memory does not depend on
 * the text. It judges no text; whatever is no JSON is for the parser to refuse. Names and keys that are spelled with
 * escapes are not found: no client does so.
 */
export function keyScanner({ ofWhole, ofFirst = [], ofProperties = [] }: KeyPlaces) {
  const levels: Level[] = [];
  /** Of all lists and objects that are open. */
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  /** Of a text that may matter; undefined in any other. */
  let text: number[] | undefined;
  let isName = false;
  let wholeKey: string | undefined;
  let firstKey: string | undefined;
  let propertyKey: string | undefined;
  let isOver = false;

  const level = (): Level | undefined => (depth === levels.length ? levels.at(-1) : undefined);

  /** Of a list or an object that begins here. */
  function placeHere(): Place {
    const parent = levels.at(-1);
    if (depth === 0) return 'whole';
    if (parent === undefined || depth !== levels.length) return 'elsewhere';
    const isBatch = parent.place === 'whole' || parent.place === 'batch';
    if (parent.isList) return isBatch && parent.index === 0 ? 'first' : 'elsewhere';
    if (parent.place === 'whole' && parent.name === 'batch') return 'batch';
    const isItem = parent.place === 'first' || parent.place === 'whole';
    return isItem && parent.name === 'properties' ? 'properties' : 'elsewhere';
  }

  function open(isList: boolean): void {
    const place = placeHere();
    depth += 1;
    if (place === 'elsewhere' || levels.length === MOST_LEVELS) return;
    levels.push({ place, isList, index: 0, name: '' });
    isName = !isList;
  }

  function close(): void {
    if (depth === levels.length) levels.pop();
    depth = Math.max(0, depth - 1);
    isName = false;
  }

  function endText(content: string): void {
    const here = level();
    if (here === undefined || here.isList) return;
    if (isName) here.name = content;
    else if (here.place === 'whole' && ofWhole.includes(here.name)) {
      wholeKey ??= content;
      isOver = true;
    } else if (here.place === 'first' && ofFirst.includes(here.name)) firstKey ??= content;
    else if (here.place === 'properties' && ofProperties.includes(here.name)) propertyKey ??= content;
  }

  function structure(code: number): void {
    if (code === QUOTE) {
      inText = true;
      text = level()?.isList === false ? [] : undefined;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) open(code === OPEN_LIST);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) close();
    else if (code === COLON) isName = false;
    else if (code === COMMA) {
      const here = level();
      if (here === undefined) return;
      if (here.isList) here.index += 1;
      isName = !here.isList;
    }
  }

  return {
    /** @returns whether there is any use in reading on */
    push(bytes: Uint8Array): boolean {
      for (let at = 0; at < bytes.length && !isOver; at++) {
        const code = bytes[at] ?? 0;
        if (!inText) structure(code);
        else if (isEscaped) isEscaped = false;
        else if (code === BACKSLASH) {
          isEscaped = true;
          text = undefined;
        } else if (code === QUOTE) {
          inText = false;
          if (text !== undefined) endText(String.fromCharCode(...text));
        } else if (text !== undefined && text.push(code) > LONGEST_TEXT) text = undefined;
      }
      return !isOver;
    },

    /** The key that was found so far. */
    key: (): string | undefined => wholeKey ?? firstKey ?? propertyKey,
  };
}
