import type { Definitions, Flag, Segment } from './flag.js';

/** A definition as somebody wants to save it. */
export type FlagDraft = Omit<Flag, 'version' | 'enabled'>;

/** One thing that makes a definition unacceptable. */
export interface FlagFault {
  /** Where, as a JSON pointer into the definition: `/rules/0/conditions/1/values`. */
  readonly path: string;
  /** For people. */
  readonly why: string;
}

/** What a definition is checked against; that it holds an older version of the same flag does not matter. */
export type OtherDefinitions = Pick<Definitions, 'flags' | 'segments'>;

/** Everything that makes this definition unacceptable; empty where it may be saved. */
export declare function checkFlag(flag: FlagDraft, others: OtherDefinitions): readonly FlagFault[];

export declare function checkSegment(segment: Segment): readonly FlagFault[];
