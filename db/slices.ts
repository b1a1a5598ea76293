/** A list in pieces of at most so many. */
export function* slices<T>(items: readonly T[], most: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += most) yield items.slice(at, at + most);
}

/**
 * Definitions in one command: each may have a quarter of a megabyte, and what a command holds is read or written by the
 * driver in one go.
 */
export const DEFINITIONS_AT_ONCE = 20;
