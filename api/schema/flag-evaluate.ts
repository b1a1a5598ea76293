import { type Static, Type } from '@fastify/type-provider-typebox';
import { FLAG_TYPES, REASONS } from '../../domain/flag.js';
import type { Explanation } from '../../domain/flag-explanation.js';
import { LIMITS } from '../../domain/limits.js';
import { ChangeFlagRequest } from './flag.js';

const closed = { additionalProperties: false } as const;
const Who = Type.String({ minLength: 1, maxLength: LIMITS.mapValue });

/** A flag as somebody is about to save it: what is left out is as it is stored, or as it is usual. */
const Definition = Type.Object(
  { type: Type.Optional(Type.Enum([...FLAG_TYPES])), ...Type.Omit(ChangeFlagRequest, ['note']).properties },
  closed,
);
export const EvaluateRequest = Type.Object(
  {
    /** Whose stored attributes are taken, overlaid by the given ones. */
    profileId: Type.Optional(Who),
    /** Instead of a profile: somebody of whom nothing is stored. */
    targetingKey: Type.Optional(Who),
    attributes: Type.Optional(Type.Record(Type.String({ maxLength: LIMITS.mapKey }), Type.Unknown())),
    definition: Type.Optional(Definition),
  },
  closed,
);
export type EvaluateRequest = Static<typeof EvaluateRequest>;

const RuleExplained = Type.Object({
  ruleId: Type.String(),
  broken: Type.Union([Type.String(), Type.Null()], { description: 'why it is skipped' }),
  conditions: Type.Array(Type.Object({ attribute: Type.String(), operator: Type.String(), holds: Type.Boolean() })),
  matched: Type.Boolean({ description: 'all conditions hold' }),
  rolloutPercentage: Type.Number(),
  bucket: Type.Union([Type.Integer(), Type.Null()]),
  inPercentage: Type.Boolean(),
  decided: Type.Boolean({ description: 'this rule gave the answer' }),
});

export const EvaluateView = Type.Object({
  version: Type.Integer({ description: "the app's version of the definitions" }),
  targetingKey: Type.Union([Type.String(), Type.Null()]),
  /** Whether the profile is stored, and its attributes counted. */
  isStored: Type.Boolean(),
  value: Type.Unknown(),
  reason: Type.Enum([...REASONS]),
  errorCode: Type.Union([Type.String(), Type.Null()]),
  variant: Type.Union([Type.String(), Type.Null()]),
  ruleId: Type.Union([Type.String(), Type.Null()]),
  bucket: Type.Union([Type.Integer(), Type.Null()]),
  prerequisites: Type.Array(
    Type.Object({ flagKey: Type.String(), met: Type.Boolean(), value: Type.Optional(Type.Unknown()) }),
  ),
  rules: Type.Array(RuleExplained, { description: 'in the order of evaluation, also those after the decision' }),
});

interface Asked {
  readonly version: number;
  readonly targetingKey: string | undefined;
  readonly isStored: boolean;
}

export const evaluateView = (
  { evaluation, prerequisites, rules }: Explanation,
  { version, targetingKey, isStored }: Asked,
): Static<typeof EvaluateView> => ({
  version,
  targetingKey: targetingKey ?? null,
  isStored,
  value: evaluation.value,
  reason: evaluation.reason,
  errorCode: evaluation.errorCode ?? null,
  variant: evaluation.variant ?? null,
  ruleId: evaluation.ruleId ?? null,
  bucket: evaluation.bucket ?? null,
  prerequisites: prerequisites.map((each) => ({ ...each })),
  rules: rules.map(({ broken = null, bucket = null, conditions, ...rule }) => ({
    ...rule,
    broken,
    bucket,
    conditions: conditions.map((each) => ({ ...each })),
  })),
});
