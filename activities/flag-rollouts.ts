import type { FlagRolloutLooks } from '../db/flag-rollout-looks.js';
import type { FlagRollouts, RolloutLookDoc } from '../db/flag-rollouts.js';
import type { RolloutOutcome } from '../db/flag-rollout-state.js';
import type { FlagRolloutSteps } from '../db/flag-rollout-steps.js';
import type { FlagRolloutVerbs } from '../db/flag-rollout-verbs.js';
import { idFromHex } from '../db/ids.js';
import type { OpenMessage, RolloutMessage } from '../domain/rollout.js';
import type { RolloutView } from '../domain/rollout-view.js';
import { wakeAll } from './wake-each.js';

/** Ids are hex, instants ISO 8601 of the workflow, so that a retry does the same. */
export interface RolloutInput {
  readonly rolloutId: string;
  readonly now: string;
}

export interface RolloutAnswer {
  readonly outcome: RolloutOutcome;
  /** Null: there is no such rollout. */
  readonly view: RolloutView | null;
}

export interface FlagRolloutDeps {
  readonly flagRollouts: Pick<FlagRollouts, 'activeIds'>;
  readonly flagRolloutSteps: FlagRolloutSteps;
  readonly flagRolloutVerbs: FlagRolloutVerbs;
  readonly flagRolloutLooks: FlagRolloutLooks;
  /** Told when there is something to tell people; must not throw. */
  readonly onAlerts: () => void;
  /** A call that is lost is made good by a schedule. */
  readonly wakeFlagSets: (appId: string, app: string) => Promise<void>;
  /** Starts the rollout's run, unless it has one. */
  readonly wakeRollout: (rolloutId: string) => Promise<void>;
}

export function flagRolloutActivities(deps: FlagRolloutDeps) {
  const { flagRolloutSteps, flagRolloutVerbs, flagRolloutLooks, onAlerts, wakeFlagSets } = deps;

  /** That a call is one too many costs nothing; that it fails must not fail what is done. */
  async function told(view: RolloutView | null, hasMoved: boolean): Promise<RolloutView | null> {
    if (view === null) return view;
    if (view.state === 'asking' || view.state === 'reverted') onAlerts();
    if (hasMoved) await wakeFlagSets(view.appId, view.app).catch(() => undefined);
    return view;
  }

  return {
    /** Stores the rollout that somebody asks for. Idempotent by the rollout's id. */
    async openRollout({
      rolloutId,
      now,
      message,
    }: RolloutInput & { readonly message: OpenMessage }): Promise<RolloutAnswer> {
      const id = idFromHex(rolloutId);
      const outcome = await flagRolloutVerbs.open({ rolloutId: id, now: new Date(now), message });
      return { outcome, view: await flagRolloutSteps.view(id) };
    },

    /** Carries out what somebody asks for. Idempotent by the request's id. */
    async applyRolloutVerb({
      rolloutId,
      now,
      message,
    }: RolloutInput & { readonly message: RolloutMessage }): Promise<RolloutAnswer> {
      const id = idFromHex(rolloutId);
      const outcome = await flagRolloutVerbs.apply({ rolloutId: id, now: new Date(now), message });
      const hasMoved = outcome.outcome === 'done' && outcome.changed;
      return { outcome, view: await told(await flagRolloutSteps.view(id), hasMoved) };
    },

    viewRollout: ({ rolloutId }: Pick<RolloutInput, 'rolloutId'>): Promise<RolloutView | null> =>
      flagRolloutSteps.view(idFromHex(rolloutId)),

    /** The first or the next step, or the end, if the rollout is still as it was when this became due. */
    async stepRollout({ rolloutId, now, rev }: RolloutInput & { readonly rev: number }): Promise<RolloutView | null> {
      return told(await flagRolloutSteps.goOn({ rolloutId: idFromHex(rolloutId), now: new Date(now), rev }), true);
    },

    /** Counts, judges, and reverts where there is harm. A repeat counts anew, and finds a rollout that has ended. */
    async lookAtRollout({ rolloutId, now }: RolloutInput): Promise<RolloutView | null> {
      const id = idFromHex(rolloutId);
      const look = await flagRolloutLooks.look(id, new Date(now));
      if (look === undefined) return flagRolloutSteps.view(id);
      const view = await flagRolloutSteps.noteLook(id, look);
      return told(view, view?.state === 'reverted');
    },

    /** A look that failed holds the rollout where it is, for all to see. */
    async noteFailedLook({
      rolloutId,
      now,
      reason,
    }: RolloutInput & { readonly reason: string }): Promise<RolloutView | null> {
      const id = idFromHex(rolloutId);
      const view = await flagRolloutSteps.view(id);
      if (view === null || view.windows.length === 0) return view;
      const look: RolloutLookDoc = {
        at: new Date(now),
        window: view.windows.length - 1,
        percent: view.percentage,
        metrics: [],
        harm: null,
        hold: 'failed',
        detail: reason.slice(0, 500),
      };
      return told(await flagRolloutSteps.noteLook(id, look), false);
    },

    /** How many are active: each has a run afterwards. */
    async wakeRollouts(): Promise<number> {
      const active = await deps.flagRollouts.activeIds();
      await wakeAll(active, (id) => deps.wakeRollout(id.toHexString()));
      return active.length;
    },
  };
}

export type FlagRolloutActivities = ReturnType<typeof flagRolloutActivities>;
