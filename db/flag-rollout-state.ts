import type { ErrorCode } from '../domain/errors.js';
import type { RolloutLook, RolloutView } from '../domain/rollout-view.js';
import type { FlagRolloutDoc, RolloutLookDoc } from './flag-rollouts.js';

export type RolloutOutcome =
  | {
      readonly outcome: 'done';
      /** False: all was as it should be already. */
      readonly changed: boolean;
      readonly rollout: RolloutView;
    }
  | { readonly outcome: 'refused'; readonly code: ErrorCode; readonly reason: string };

export const refusedRollout = (code: ErrorCode, reason: string): RolloutOutcome => ({
  outcome: 'refused',
  code,
  reason,
});

const ms = (date: Date | null): number | null => date?.getTime() ?? null;

const lookOf = ({ at, ...look }: RolloutLookDoc): RolloutLook => ({ ...look, atMs: at.getTime() });

export const viewOf = (doc: FlagRolloutDoc): RolloutView => {
  const last = doc.looks.at(-1);
  return {
    rolloutId: doc._id.toHexString(),
    appId: doc.appId.toHexString(),
    app: doc.app,
    flagKey: doc.flagKey,
    ruleId: doc.ruleId,
    state: doc.state,
    rev: doc.rev,
    plan: doc.plan,
    percentageBefore: doc.percentageBefore,
    percentage: doc.percentage,
    startAtMs: ms(doc.startAt),
    step: doc.step,
    untilMs: ms(doc.until),
    windows: doc.windows.map(({ step, percent, since }) => ({ step, percent, sinceMs: since.getTime() })),
    look: last === undefined ? null : lookOf(last),
    lookCount: doc.lookCount,
    decision: doc.decision,
    createdBy: doc.createdBy.toHexString(),
    createdAtMs: doc.createdAt.getTime(),
    endedAtMs: ms(doc.endedAt),
  };
};
