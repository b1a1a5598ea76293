import type { ErrorVerbName } from './error-verb.js';

export const ERROR_STATUSES = ['new', 'investigating', 'resolved', 'ignored'] as const;
export type ErrorStatus = (typeof ERROR_STATUSES)[number];

/** A group that is merged into another has no life of its own, whatever its status was. */
export type ErrorState = ErrorStatus | 'merged';

/**
 * What a verb does in a state: leads to a status, changes something else (`stays`), finds that all is as it should be
 * (`unchanged`: an answer of 200, and nothing happens), or is refused.
 */
export type Transition = ErrorStatus | 'stays' | 'unchanged' | 'refused';

type Row = Readonly<Record<ErrorState, Transition>>;

const row = (
  new_: Transition,
  investigating: Transition,
  resolved: Transition,
  ignored: Transition,
  merged: Transition = 'refused',
): Row => ({ new: new_, investigating, resolved, ignored, merged });

/** Docs/error-groups.md shows this table; a test keeps the two equal. */
export const TRANSITIONS: Readonly<Record<ErrorVerbName, Row>> = {
  assign: row('stays', 'stays', 'stays', 'stays'),
  comment: row('stays', 'stays', 'stays', 'stays'),
  investigate: row('investigating', 'unchanged', 'refused', 'investigating'),
  resolve: row('resolved', 'resolved', 'unchanged', 'resolved'),
  ignore: row('ignored', 'ignored', 'refused', 'unchanged'),
  reopen: row('unchanged', 'unchanged', 'new', 'new'),
  merge: row('stays', 'stays', 'stays', 'stays'),
  unmerge: row('refused', 'refused', 'refused', 'refused', 'new'),
};

/** Why a verb is refused, in a sentence for people. */
export function refusalOf(verb: ErrorVerbName, state: ErrorState): string {
  if (state === 'merged') return 'the group is merged into another, which stands for it now';
  if (verb === 'unmerge') return 'the group is not merged into another';
  return `a group that is ${state} has to be reopened before anybody can ${verb} it`;
}
