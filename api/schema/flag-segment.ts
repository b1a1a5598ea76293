import { type Static, Type } from '@fastify/type-provider-typebox';
import type { SegmentContent } from '../../db/flag-content.js';
import type { NewSegment } from '../../db/flag-segment-changes.js';
import type { SegmentDoc } from '../../db/segments.js';
import { APP_SLUG } from '../../domain/app.js';
import { FLAG_LIMITS } from '../../domain/flag-limits.js';
import { FlagKey, Note } from './flag.js';
import { Conditions, conditionsOf, ConditionView, conditionViews } from './flag-rule.js';

const closed = { additionalProperties: false } as const;
export const SegmentParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), segmentKey: FlagKey });

const Description = Type.String({ maxLength: 2_000 });
const Clauses = Type.Array(Type.Object({ conditions: Conditions }, closed), { maxItems: FLAG_LIMITS.clauses });

/** As it is created and imported. */
export const SegmentRequest = Type.Object(
  { key: FlagKey, description: Type.Optional(Description), clauses: Clauses },
  closed,
);
export const CreateSegmentRequest = Type.Object({ ...SegmentRequest.properties, note: Type.Optional(Note) }, closed);
export const ChangeSegmentRequest = Type.Object(
  { description: Type.Optional(Description), clauses: Type.Optional(Clauses), note: Type.Optional(Note) },
  { ...closed, minProperties: 1 },
);
export const RemoveSegmentQuery = Type.Object({ note: Type.Optional(Note) }, closed);
export const SegmentsQuery = Type.Object(
  { limit: Type.Integer({ minimum: 1, maximum: 50, default: 20 }), after: Type.Optional(FlagKey) },
  closed,
);

const fields = {
  key: Type.String(),
  description: Type.String(),
  clauses: Type.Array(Type.Object({ conditions: Type.Array(ConditionView) })),
};
export const SegmentView = Type.Object({
  ...fields,
  version: Type.Integer(),
  createdAt: Type.String(),
  updatedAt: Type.String(),
});
export const SegmentsView = Type.Object({
  segments: Type.Array(SegmentView),
  next: Type.Union([Type.String(), Type.Null()], { description: '`after` of the following page' }),
});
/** As it is exported. */
export const PlainSegmentView = Type.Object(fields);

export const clausesOf = (given: Static<typeof Clauses>): SegmentContent['clauses'] =>
  given.map(({ conditions }) => ({ conditions: conditionsOf(conditions) }));

export const segmentOf = ({ key, description = '', clauses }: Static<typeof SegmentRequest>): NewSegment => ({
  key,
  description,
  clauses: clausesOf(clauses),
});

export const plainSegmentView = ({ key, description, clauses }: SegmentDoc): Static<typeof PlainSegmentView> => ({
  key,
  description,
  clauses: clauses.map(({ conditions }) => ({ conditions: conditionViews(conditions) })),
});

export const segmentView = (doc: SegmentDoc): Static<typeof SegmentView> => ({
  ...plainSegmentView(doc),
  version: doc.version,
  createdAt: doc.createdAt.toISOString(),
  updatedAt: doc.updatedAt.toISOString(),
});
