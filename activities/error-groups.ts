import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { ErrorAutoResolve } from '../db/error-auto-resolve.js';
import type { ErrorProfileMoves } from '../db/error-profile-moves.js';
import type { ErrorTimers, GroupPlan } from '../db/error-timers.js';
import type { VerbOutcome } from '../db/error-verb-state.js';
import type { ErrorVerbs } from '../db/error-verbs.js';
import { idFromHex } from '../db/ids.js';
import type { VerbMessage } from '../domain/error-verb.js';

/** Ids are hex, instants ISO 8601 of the workflow, so that a retry does the same. */
export interface GroupInput {
  readonly groupId: string;
  readonly now: string;
}

export interface ApplyVerbInput extends GroupInput {
  readonly message: VerbMessage;
}

export interface DueInput extends GroupInput {
  readonly statusRev: number;
}

export interface MoveProfilesInput {
  readonly groupIds: readonly string[];
}

export interface VerbAnswer {
  readonly outcome: VerbOutcome;
  readonly plan: GroupPlan;
}

export interface ResolvedApp {
  readonly appId: string;
  readonly resolved: number;
}

export interface ErrorGroupDeps {
  readonly errorVerbs: ErrorVerbs;
  readonly errorTimers: ErrorTimers;
  readonly errorProfileMoves: ErrorProfileMoves;
  readonly errorAutoResolve: ErrorAutoResolve;
}

export function errorGroupActivities(deps: ErrorGroupDeps) {
  const { errorVerbs, errorTimers, errorProfileMoves, errorAutoResolve } = deps;
  const due = ({ groupId, statusRev, now }: DueInput) => ({
    groupId: idFromHex(groupId),
    statusRev,
    now: new Date(now),
  });

  return {
    /** Carries out what somebody asks for. Idempotent by the request's id. */
    async applyVerb({ groupId, message, now }: ApplyVerbInput): Promise<VerbAnswer> {
      const { actor, requestId, verb } = message;
      const at = new Date(now);
      const id = idFromHex(groupId);
      const outcome = await errorVerbs.apply({ groupId: id, actor: idFromHex(actor), requestId, verb, now: at });
      return { outcome, plan: await errorTimers.plan(id, at) };
    },

    planGroup: ({ groupId, now }: GroupInput): Promise<GroupPlan> =>
      errorTimers.plan(idFromHex(groupId), new Date(now)),

    /** These three do what is due, once, if it still is; then they say what comes next. */
    async endIgnore(input: DueInput): Promise<GroupPlan> {
      await errorTimers.endIgnore(due(input));
      return errorTimers.plan(idFromHex(input.groupId), new Date(input.now));
    },
    async remindAssignee(input: DueInput): Promise<GroupPlan> {
      await errorTimers.remind(due(input));
      return errorTimers.plan(idFromHex(input.groupId), new Date(input.now));
    },
    async proveFix(input: DueInput): Promise<GroupPlan> {
      await errorTimers.proveFix(due(input));
      return errorTimers.plan(idFromHex(input.groupId), new Date(input.now));
    },

    /** Moves rows of profiles after a merge or an unmerge; how far it is stands in MongoDB. */
    async moveProfiles({ groupIds }: MoveProfilesInput): Promise<number> {
      const signal = cancellationSignal();
      let steps = 0;
      for (const groupId of groupIds) {
        while (await errorProfileMoves.step(idFromHex(groupId))) {
          steps += 1;
          heartbeat(steps);
          signal.throwIfAborted();
        }
      }
      return steps;
    },

    /** Resolves what is quiet in every app that wants it. Idempotent; what an earlier attempt did is counted too. */
    async resolveQuietGroups({ now }: { readonly now: string }): Promise<readonly ResolvedApp[]> {
      const before: unknown = activityInfo().heartbeatDetails;
      const resolved = new Map(Array.isArray(before) ? (before as [string, number][]) : []);
      const signal = cancellationSignal();
      for (const app of await errorAutoResolve.apps()) {
        for (;;) {
          signal.throwIfAborted();
          const count = await errorAutoResolve.step(app, new Date(now));
          if (count === 0) break;
          resolved.set(app.appId, (resolved.get(app.appId) ?? 0) + count);
          heartbeat([...resolved]);
        }
      }
      return [...resolved].map(([appId, count]) => ({ appId, resolved: count }));
    },
  };
}

export type ErrorGroupActivities = ReturnType<typeof errorGroupActivities>;
