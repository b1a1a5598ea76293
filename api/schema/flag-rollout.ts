import { type Static, type TSchema, Type } from '@fastify/type-provider-typebox';
import type { FlagRolloutDoc, RolloutHistoryDoc, RolloutLookDoc } from '../../db/flag-rollouts.js';
import { viewOf } from '../../db/flag-rollout-state.js';
import { APP_SLUG } from '../../domain/app.js';
import { FLAG_KEY_PATTERN, FLAG_LIMITS } from '../../domain/flag-limits.js';
import { DEFAULT_GUARD, GUARD_BOUNDS } from '../../domain/guard.js';
import { ROLLOUT_BOUNDS, ROLLOUT_STATES, type RolloutPlan } from '../../domain/rollout.js';
import { holdSentence, readableGuard, type RolloutView } from '../../domain/rollout-view.js';
import { Id, Instant } from './common.js';
import { After, NextCursor } from './cursor.js';

const strict = { additionalProperties: false };
const { steps: most, holdMinutes, holdSeconds, noteLength } = ROLLOUT_BOUNDS;
const within = ({ least, most }: { least: number; most: number }) => ({ minimum: least, maximum: most });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const requestId = Type.Optional(
  Type.String({ minLength: 1, maxLength: 200, description: 'or the header `Idempotency-Key`' }),
);

const Step = Type.Object(
  {
    percent: Type.Integer({ minimum: 1, maximum: 100 }),
    holdMinutes: Type.Integer({ ...within(holdMinutes), default: 60, description: 'before the next step, or the end' }),
    holdSeconds: Type.Optional(Type.Integer({ ...within(holdSeconds), description: 'instead, for trials' })),
  },
  strict,
);

const Metric = Type.Union([
  Type.Object({ kind: Type.Literal('errors') }, strict),
  Type.Object(
    {
      kind: Type.Literal('event'),
      name: Type.String({ minLength: 1, maxLength: GUARD_BOUNDS.eventName }),
      harm: Type.Enum(['more', 'fewer'], { description: 'which of the two is harm' }),
    },
    strict,
  ),
]);

const GuardSchema = Type.Object(
  {
    metrics: Type.Array(Metric, { minItems: 1, maxItems: GUARD_BOUNDS.metrics }),
    alpha: Type.Number({
      ...within(GUARD_BOUNDS.alpha),
      description: 'the share of harmless rollouts that may be reverted all the same',
    }),
    minProfiles: Type.Integer({
      ...within(GUARD_BOUNDS.minProfiles),
      description: 'on either side, before a step is left',
    }),
  },
  strict,
);
/** What is left out is as usual; said in code, since a validator takes no defaults within a union. */
const GuardRequest = Type.Partial(GuardSchema, strict);

export const RolloutParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), rolloutId: Id });

export const RolloutsQuery = Type.Object(
  {
    flagKey: Type.Optional(Type.String({ pattern: FLAG_KEY_PATTERN })),
    active: Type.Optional(Type.Boolean({ description: 'left out: both' })),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    after: Type.Optional(After),
  },
  strict,
);

export const CreateRolloutRequest = Type.Object(
  {
    requestId,
    flagKey: Type.String({ pattern: FLAG_KEY_PATTERN }),
    ruleId: Type.String({ minLength: 1, maxLength: FLAG_LIMITS.idChars }),
    steps: Type.Array(Step, { minItems: 1, maxItems: most }),
    startAt: Type.Optional(Instant),
    guard: Type.Optional(Type.Union([GuardRequest, Type.Null()], { description: 'null: by the clock alone' })),
    note: Type.Optional(Type.String({ minLength: 1, maxLength: noteLength })),
  },
  strict,
);

export const RolloutVerbRequest = Type.Union([Type.Object({ requestId }, strict), Type.Null()]);
export const AbortRolloutRequest = Type.Union([
  Type.Object(
    {
      requestId,
      rule: Type.Optional(
        Type.Enum(['back', 'leave'], { description: 'back to the percentage before (the default), or as it is now' }),
      ),
    },
    strict,
  ),
  Type.Null(),
]);

const Arm = Type.Object({ profiles: Type.Integer(), hit: Type.Integer() });
const LookView = Type.Object({
  at: Type.String(),
  percent: Type.Integer(),
  metrics: Type.Array(
    Type.Object({
      name: Type.String(),
      exposed: Arm,
      control: Arm,
      evidence: Type.Number({ description: 'of harm, of all counts so far' }),
      needed: Type.Number({ description: 'from so much evidence on it is harm' }),
      harmed: Type.Boolean(),
    }),
  ),
  harm: nullable(Type.String({ description: 'the metric that decided' })),
  hold: nullable(Type.String()),
  detail: nullable(Type.String()),
  why: nullable(Type.String({ description: 'why the step is not left, for people' })),
});

const SHOWN = {
  rolloutId: Type.String(),
  flagKey: Type.String(),
  ruleId: Type.String(),
  state: Type.Enum([...ROLLOUT_STATES]),
  step: Type.Integer({ description: 'into `steps`; -1 before the first' }),
  steps: Type.Array(Step),
  guard: nullable(GuardSchema),
  percentage: Type.Integer({ description: 'what the rollout has written last, or taken over' }),
  percentageBefore: Type.Integer(),
  startAt: nullable(Type.String()),
  until: nullable(Type.String({ description: 'when the time of the step is over' })),
  windows: Type.Array(Type.Object({ step: Type.Integer(), percent: Type.Integer(), since: Type.String() })),
  look: nullable(LookView),
  looks: Type.Integer({ description: 'how many there were' }),
  decision: nullable(Type.Record(Type.String(), Type.Unknown())),
  createdBy: Type.String(),
  createdAt: Type.String(),
  endedAt: nullable(Type.String()),
};

const RolloutSummary = Type.Object(SHOWN);
export const RolloutsView = Type.Object({ rollouts: Type.Array(RolloutSummary), next: NextCursor });
export const RolloutDetailView = Type.Object({
  ...SHOWN,
  note: nullable(Type.String()),
  lookLog: Type.Array(LookView, { description: 'the newest, oldest first' }),
  history: Type.Array(
    Type.Object({
      at: Type.String(),
      actor: nullable(Type.String({ description: 'null: the platform itself' })),
      what: Type.String(),
      facts: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
});
export const RolloutVerbView = Type.Object({
  requestId: Type.String(),
  changed: Type.Boolean({ description: 'false: all was as it should be already' }),
  rollout: RolloutSummary,
});
export const RolloutPendingView = Type.Object(
  { requestId: Type.String() },
  { description: 'No worker answered in time. Send the request again with this id; it is carried out once.' },
);

export const planIn = ({ steps, guard }: Static<typeof CreateRolloutRequest>): RolloutPlan => ({
  steps,
  guard: guard === null ? null : { ...DEFAULT_GUARD, ...guard },
});

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const lookView = ({ at, ...look }: RolloutLookDoc): Static<typeof LookView> => ({
  ...look,
  at: at.toISOString(),
  metrics: [...look.metrics],
  why: look.hold === null ? null : holdSentence(look.hold, look.detail),
});

export function rolloutSummary(view: RolloutView): Static<typeof RolloutSummary> {
  const { plan, look, lookCount, startAtMs, untilMs, createdAtMs, endedAtMs, windows } = view;
  const guard = readableGuard(plan.guard) ?? null;
  return {
    ...view,
    steps: [...plan.steps],
    guard: guard && { ...guard, metrics: [...guard.metrics] },
    startAt: iso(startAtMs),
    until: iso(untilMs),
    createdAt: new Date(createdAtMs).toISOString(),
    endedAt: iso(endedAtMs),
    windows: windows.map(({ sinceMs, ...window }) => ({ ...window, since: new Date(sinceMs).toISOString() })),
    look: look && lookView({ ...look, at: new Date(look.atMs) }),
    looks: lookCount,
  };
}

export const rolloutsView = (docs: readonly FlagRolloutDoc[]) => docs.map((doc) => rolloutSummary(viewOf(doc)));

const historyView = ({ at, actor, what, facts }: RolloutHistoryDoc) => ({
  at: at.toISOString(),
  actor: actor?.toHexString() ?? null,
  what,
  facts: { ...facts },
});

export const rolloutDetailView = (doc: FlagRolloutDoc): Static<typeof RolloutDetailView> => ({
  ...rolloutSummary(viewOf(doc)),
  note: doc.note,
  lookLog: doc.looks.map(lookView),
  history: doc.history.map(historyView),
});
