/** Why an occurrence is kept of a group that has more than may be stored: among the first, a sample, or the newest. */
export const KEPT_AS = ['first', 'sample', 'newest'] as const;
export type KeptAs = (typeof KEPT_AS)[number];

/** How the storage of one group is shared out: half for its first occurrences, a quarter each for sample and newest. */
export interface Shares {
  readonly first: number;
  readonly newest: number;
  /** Kept of each doubling beyond the first. */
  readonly perDoubling: number;
}

/** From a thousand occurrences to a billion are twenty doublings; a group that gets that far stays within its bound. */
const DOUBLINGS = 20;

export function sharesOf(maxStored: number): Shares {
  return {
    first: Math.ceil(maxStored / 2),
    newest: Math.floor(maxStored / 4),
    perDoubling: Math.floor(maxStored / 4 / DOUBLINGS),
  };
}

/**
 * Whether the group's `ordinal`th occurrence (from 1) is kept, and as what. Decided by the number alone, so that every
 * attempt decides alike, and evenly over each doubling, so that old and new times are both represented.
 * @param fromEnd how many of the group come after it in the same flush
 */
export function keepAs(ordinal: number, fromEnd: number, { first, newest, perDoubling }: Shares): KeptAs | undefined {
  if (ordinal <= first) return 'first';
  if (perDoubling > 0 && first > 0) {
    const doubling = Math.floor(Math.log2((ordinal - 1) / first));
    const stride = Math.max(1, Math.floor((first * 2 ** doubling) / perDoubling));
    if (doubling < DOUBLINGS && ordinal % stride === 0) return 'sample';
  }
  return fromEnd < newest ? 'newest' : undefined;
}
