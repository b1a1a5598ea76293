import type { ObjectId } from 'mongodb';
import type { FlagSet } from '../../domain/flag-set.js';

/** A set that an answer had to evaluate, to be stored for the next one. */
export interface WriteBackEntry {
  readonly appId: ObjectId;
  /** After alias, and only of a profile that is stored. */
  readonly profileId: ObjectId;
  /** Of the definitions it was evaluated by. */
  readonly version: number;
  /** Of the set as it was read **before** the profile was; undefined: there was none. 0 where it has none. */
  readonly profileRev: number | undefined;
  readonly set: FlagSet;
}

/** Takes it or leaves it, at once, and never throws. */
export type WriteBack = (entry: WriteBackEntry) => void;
