interface Shelf {
  /** Sorted, the first `size` of them. */
  numbers: Float64Array;
  size: number;
}

/** As many hexadecimal digits as a number of 8 bytes has without loss: 52 bits. */
const DIGITS = 13;
const BEGINS_LIKE_A_HASH = /^[0-9a-f]{13}/;
/** So many that adding one to a million moves a few kilobytes. */
const SHELVES = 1_024;
const NUMBERS_PER_SHELF = 2 ** 52 / SHELVES;

/**
 * A set of hashes in hex that takes 8 bytes for each. It keeps the beginning of a hash as a number and nothing more, so
 * where it has a million, one in four thousand million others looks as if it were in it too.
 */
export function hashSet() {
  const shelves: Shelf[] = Array.from({ length: SHELVES }, () => ({ numbers: new Float64Array(0), size: 0 }));

  function placeOf(hash: string) {
    if (!BEGINS_LIKE_A_HASH.test(hash)) return undefined;
    const number = parseInt(hash.slice(0, DIGITS), 16);
    const shelf = shelves[Math.floor(number / NUMBERS_PER_SHELF)];
    if (shelf === undefined) return undefined;
    const at = firstNotBelow(shelf, number);
    return { shelf, number, at, isTaken: at < shelf.size && shelf.numbers[at] === number };
  }

  return {
    has: (hash: string): boolean => placeOf(hash)?.isTaken === true,

    /** What is no hash is passed over. */
    add(hash: string): void {
      const place = placeOf(hash);
      if (place === undefined || place.isTaken) return;
      const { shelf, number, at } = place;
      if (shelf.size === shelf.numbers.length) shelf.numbers = withRoom(shelf.numbers);
      shelf.numbers.copyWithin(at + 1, at, shelf.size);
      shelf.numbers[at] = number;
      shelf.size += 1;
    },

    byteLength: (): number => shelves.reduce((bytes, { numbers }) => bytes + numbers.byteLength, 0),
  };
}

/** By halves. */
function firstNotBelow({ numbers, size }: Shelf, number: number): number {
  let [from, to] = [0, size];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((numbers[middle] ?? number) < number) from = middle + 1;
    else to = middle;
  }
  return from;
}

function withRoom(numbers: Float64Array): Float64Array {
  const roomy = new Float64Array(numbers.length + 8 + (numbers.length >> 4));
  roomy.set(numbers);
  return roomy;
}
