import { type Static, Type } from '@fastify/type-provider-typebox';
import { ObjectId } from 'mongodb';
import type { FlagCondition, FlagRule } from '../../domain/flag.js';
import { FLAG_LIMITS } from '../../domain/flag-limits.js';

const closed = { additionalProperties: false } as const;
const PRIORITY = 1_000_000;
const IdText = Type.String({ minLength: 1, maxLength: FLAG_LIMITS.idChars });
const Attribute = Type.String({ maxLength: FLAG_LIMITS.attributeChars });

const Condition = Type.Object(
  {
    attribute: Attribute,
    operator: Type.String({ maxLength: 50, description: 'docs/flag-operators.md lists them' }),
    values: Type.Array(Type.String({ maxLength: FLAG_LIMITS.conditionValueChars }), {
      maxItems: FLAG_LIMITS.values,
      default: [],
    }),
    caseInsensitive: Type.Optional(Type.Boolean()),
  },
  closed,
);
export const Conditions = Type.Array(Condition, { maxItems: FLAG_LIMITS.conditions, default: [] });

const Variant = Type.Object(
  { key: IdText, value: Type.Unknown(), weight: Type.Integer({ minimum: 0, maximum: FLAG_LIMITS.variantWeight }) },
  closed,
);

const RuleRequest = Type.Object(
  {
    /** Made up where it is left out. */
    ruleId: Type.Optional(IdText),
    /** The place in the list, where it is left out. */
    priority: Type.Optional(Type.Integer({ minimum: -PRIORITY, maximum: PRIORITY })),
    conditions: Conditions,
    value: Type.Unknown(),
    rolloutPercentage: Type.Integer({ minimum: 0, maximum: 100, default: 100 }),
    experimentId: Type.Union([IdText, Type.Null()], { default: null }),
    variants: Type.Optional(Type.Array(Variant, { maxItems: FLAG_LIMITS.variants })),
    bucketBy: Type.Optional(Attribute),
  },
  closed,
);
export const RulesRequest = Type.Array(RuleRequest, { maxItems: FLAG_LIMITS.rules });

export const ConditionView = Type.Object({
  attribute: Type.String(),
  operator: Type.String(),
  values: Type.Array(Type.String()),
  caseInsensitive: Type.Optional(Type.Boolean()),
});

export const RuleView = Type.Object({
  ruleId: Type.String(),
  priority: Type.Number(),
  conditions: Type.Array(ConditionView),
  value: Type.Unknown(),
  rolloutPercentage: Type.Number(),
  experimentId: Type.Union([Type.String(), Type.Null()]),
  variants: Type.Optional(
    Type.Array(Type.Object({ key: Type.String(), value: Type.Unknown(), weight: Type.Number() })),
  ),
  bucketBy: Type.Optional(Type.String()),
});
type RuleView = Static<typeof RuleView>;

export const conditionsOf = (given: Static<typeof Conditions>): readonly FlagCondition[] =>
  given.map(({ attribute, operator, values, caseInsensitive }) => ({
    attribute,
    operator,
    values,
    ...(caseInsensitive === undefined ? {} : { caseInsensitive }),
  }));

export const rulesOf = (given: Static<typeof RulesRequest>): readonly FlagRule[] =>
  given.map(({ ruleId, priority, conditions, variants, bucketBy, ...rule }, n) => ({
    ruleId: ruleId ?? new ObjectId().toHexString(),
    priority: priority ?? n,
    conditions: conditionsOf(conditions),
    value: rule.value,
    rolloutPercentage: rule.rolloutPercentage,
    experimentId: rule.experimentId,
    ...(variants === undefined ? {} : { variants }),
    ...(bucketBy === undefined ? {} : { bucketBy }),
  }));

export const conditionViews = (conditions: readonly FlagCondition[]): Static<typeof ConditionView>[] =>
  conditions.map((condition) => ({ ...condition, values: [...condition.values] }));

export const ruleView = ({ variants, ...rule }: FlagRule): RuleView => ({
  ...rule,
  conditions: conditionViews(rule.conditions),
  ...(variants === undefined ? {} : { variants: variants.map((variant) => ({ ...variant })) }),
});
