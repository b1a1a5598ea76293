/** What people do to an error group. Each is a route, an update and a signal of that name. */
export const ERROR_VERBS = [
  'assign',
  'comment',
  'investigate',
  'resolve',
  'ignore',
  'reopen',
  'merge',
  'unmerge',
] as const;
export type ErrorVerbName = (typeof ERROR_VERBS)[number];

export const VERB_BOUNDS = {
  commentLength: 8_192,
  releaseLength: 250,
  requestIdLength: 200,
  ignoreOccurrences: 1_000_000_000,
  ignoreProfiles: 1_000_000_000,
  /** The days hold counts by five minutes; a window reaches back a week at most. */
  windowMinutes: { least: 5, most: 7 * 24 * 60 },
  /** Ten years. */
  ignoreAheadMs: 10 * 366 * 24 * 3_600_000,
} as const;

export interface IgnoreRequest {
  readonly untilMs?: number | undefined;
  /** So many more from now on. */
  readonly occurrences?: number | undefined;
  readonly profiles?: number | undefined;
  readonly window?: { readonly count: number; readonly minutes: number } | undefined;
}

export type ResolveRequest =
  { readonly in: 'now' | 'next_release' } | { readonly in: 'release'; readonly release: string };

/** A verb with what it needs. Ids are hex. */
export type ErrorVerb =
  | { readonly name: 'assign'; readonly assignee: string | null }
  | { readonly name: 'comment'; readonly text: string }
  | { readonly name: 'investigate' | 'reopen' }
  | ({ readonly name: 'resolve' } & ResolveRequest)
  | ({ readonly name: 'ignore' } & IgnoreRequest)
  | { readonly name: 'merge'; readonly into: string }
  | { readonly name: 'unmerge' };

/** Somebody's request, as the workflow gets it. */
export interface VerbMessage {
  /** The member, hex: set by the API from the token, never by who asks. */
  readonly actor: string;
  /** The same one is carried out once, however often and to whichever run it comes. */
  readonly requestId: string;
  readonly verb: ErrorVerb;
}

const ID = /^[0-9a-f]{24}$/;
const isWhole = (value: number | undefined, most: number): boolean =>
  value === undefined || (Number.isSafeInteger(value) && value >= 1 && value <= most);

function ignoreFault({ untilMs, occurrences, profiles, window }: IgnoreRequest): string | undefined {
  if (!isWhole(untilMs, Number.MAX_SAFE_INTEGER)) return 'until must be an instant';
  if (!isWhole(occurrences, VERB_BOUNDS.ignoreOccurrences)) return 'occurrences must be a whole number from 1';
  if (!isWhole(profiles, VERB_BOUNDS.ignoreProfiles)) return 'profiles must be a whole number from 1';
  if (window === undefined) return undefined;
  const { least, most } = VERB_BOUNDS.windowMinutes;
  const fits = isWhole(window.minutes, most) && window.minutes >= least;
  return fits && isWhole(window.count, VERB_BOUNDS.ignoreOccurrences) ? undefined : 'the window is out of bounds';
}

/** Whether an ignore may end then: ahead, and not for ever. */
export const liesAhead = (untilMs: number, nowMs: number): boolean =>
  untilMs > nowMs && untilMs <= nowMs + VERB_BOUNDS.ignoreAheadMs;

/** What is wrong with the shape of a verb; whether it may happen now is decided where it is written. */
export function verbFault(verb: ErrorVerb): string | undefined {
  switch (verb.name) {
    case 'assign':
      return verb.assignee === null || ID.test(verb.assignee) ? undefined : 'the assignee must be a member id or null';
    case 'comment':
      if (verb.text.trim() === '') return 'the comment is empty';
      return verb.text.length > VERB_BOUNDS.commentLength ? 'the comment is too long' : undefined;
    case 'resolve': {
      if (verb.in !== 'release') return undefined;
      const { length } = verb.release;
      return length > 0 && length <= VERB_BOUNDS.releaseLength ? undefined : 'the release is missing or too long';
    }
    case 'ignore':
      return ignoreFault(verb);
    case 'merge':
      return ID.test(verb.into) ? undefined : 'the group to merge into must be an id';
    default:
      return undefined;
  }
}

/** The same for what comes over the wire, from the API or by hand: nothing of it is trusted. */
export function messageFault(message: VerbMessage): string | undefined {
  try {
    if (!ID.test(message.actor)) return 'the actor must be a member id';
    const { length } = message.requestId;
    if (!(length > 0 && length <= VERB_BOUNDS.requestIdLength)) return 'the request id is missing or too long';
    if (!ERROR_VERBS.includes(message.verb.name)) return 'there is no such verb';
    return verbFault(message.verb);
  } catch {
    return 'the message has not the shape of a verb';
  }
}
