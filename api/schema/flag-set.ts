import { Type } from 'typebox';
import { REASONS } from '../../domain/flag.js';
import { LIMITS } from '../../domain/limits.js';
import { Id } from './common.js';
import { Problem } from './problem.js';

export const FlagSetQuery = Type.Object({
  // Whether it is there is asked after the key.
  profileId: Type.Optional(
    Type.String({ maxLength: LIMITS.mapValue, description: 'As the client names it; it must be there.' }),
  ),
});

const FlagSetView = Type.Object(
  {
    profileId: Id,
    appId: Type.String(),
    version: Type.Integer({ description: 'Of all definitions of the app together.' }),
    computedAt: Type.String({ format: 'date-time' }),
    flags: Type.Record(Type.String(), Type.Unknown(), { description: 'The values, by key.' }),
    reasons: Type.Record(
      Type.String(),
      Type.Object({
        reason: Type.Enum([...REASONS]),
        variant: Type.Optional(Type.String()),
        ruleId: Type.Optional(Type.String()),
        bucket: Type.Optional(Type.Integer()),
      }),
      { description: 'Why, by key; a flag that is not among them is `STATIC`.' },
    ),
  },
  { description: 'As `UserFlagSet` where `Accept` names protobuf.' },
);

/** For the reference only: the answers are written by hand. */
export const flagSetDocs = {
  tags: ['flags'],
  summary: 'All flags of a profile',
  description: '`If-None-Match` with the `ETag` of an answer: 304 while the answer is the same.',
  response: {
    200: FlagSetView,
    304: Type.Null({ description: 'What the client has is still so.' }),
    '4xx': Problem,
    503: Problem,
  },
};
