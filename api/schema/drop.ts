import { Type } from '@fastify/type-provider-typebox';
import { type DropDoc, DROPPED_BY } from '../../db/drops.js';
import { DAY_MS } from '../../domain/limits.js';

export const DropsQuery = Type.Object(
  { days: Type.Integer({ minimum: 1, maximum: 90, default: 30, description: 'UTC days, today among them' }) },
  { additionalProperties: false },
);

export const DropsView = Type.Object({
  drops: Type.Array(
    Type.Object({
      day: Type.String(),
      by: Type.Enum([...DROPPED_BY], {
        description:
          "the app's inbound filters, its quota, the client itself, or MongoDB, which refused what was acknowledged",
      }),
      reason: Type.String(),
      category: Type.String(),
      count: Type.Integer(),
    }),
  ),
});

export const dropView = ({ day, by, reason, category, count }: DropDoc) => ({
  day: new Date(day * DAY_MS).toISOString().slice(0, 10),
  by,
  reason,
  category,
  count,
});
