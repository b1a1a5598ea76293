import { type Static, Type } from '@fastify/type-provider-typebox';
import type { StaleFlag } from '../../db/flag-stale.js';
import type { FlagUsageDoc } from '../../db/flag-usage.js';
import { STALE_REASONS } from '../../domain/flag-stale.js';
import { DAY_MS } from '../../domain/limits.js';
import { iso, NullableInstant } from './common.js';

export const FlagUsageQuery = Type.Object(
  { days: Type.Integer({ minimum: 1, maximum: 400, default: 30 }) },
  { additionalProperties: false },
);

const AnswerView = Type.Object({
  answer: Type.String({ description: "a variant's key, or a value as JSON" }),
  isVariant: Type.Boolean(),
  count: Type.Number(),
  share: Type.Number({ description: 'of the day, from 0 to 1' }),
});

export const FlagUsageView = Type.Object({
  flagKey: Type.String(),
  lastEvaluatedAt: NullableInstant,
  days: Type.Array(
    Type.Object({ day: Type.String({ format: 'date' }), count: Type.Number(), answers: Type.Array(AnswerView) }),
    { description: 'by UTC, oldest first; a day without answers is left out' },
  ),
});

const StaleFlagView = Type.Object({
  flagKey: Type.String(),
  version: Type.Integer(),
  owner: Type.Union([Type.String(), Type.Null()]),
  lastEvaluatedAt: NullableInstant,
  reasons: Type.Array(Type.Object({ reason: Type.Enum([...STALE_REASONS]), since: Type.String() })),
});
export const StaleFlagsView = Type.Object({
  staleAfterDays: Type.Integer({ description: 'as the app has it; 0: only an expiry counts' }),
  flags: Type.Array(StaleFlagView),
});

export function flagUsageView(
  flagKey: string,
  docs: readonly FlagUsageDoc[],
  lastReadAt: Date | undefined,
): Static<typeof FlagUsageView> {
  const days = new Map<number, FlagUsageDoc[]>();
  for (const doc of docs) days.set(doc.day, [...(days.get(doc.day) ?? []), doc]);
  return {
    flagKey,
    lastEvaluatedAt: iso(lastReadAt ?? null),
    days: [...days].map(([day, own]) => {
      const sum = own.reduce((total, { count }) => total + count, 0);
      return {
        day: new Date(day * DAY_MS).toISOString().slice(0, 10),
        count: sum,
        answers: own.map(({ answer, isVariant, count }) => ({ answer, isVariant, count, share: count / sum })),
      };
    }),
  };
}

export const staleFlagView = ({
  key,
  version,
  owner,
  lastReadAt,
  reasons,
}: StaleFlag): Static<typeof StaleFlagView> => ({
  flagKey: key,
  version,
  owner: owner?.toHexString() ?? null,
  lastEvaluatedAt: iso(lastReadAt ?? null),
  reasons: reasons.map(({ reason, sinceMs }) => ({ reason, since: new Date(sinceMs).toISOString() })),
});
