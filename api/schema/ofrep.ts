import { Type } from 'typebox';
import { REASONS } from '../../domain/flag.js';
import { Problem } from './problem.js';

const Metadata = Type.Object({
  version: Type.Integer({ description: 'Of the definition of this flag.' }),
  ruleId: Type.Optional(Type.String({ description: 'The rule that decided.' })),
  experimentId: Type.Optional(Type.String()),
  bucket: Type.Optional(Type.Integer({ description: '1 to 100, where a percentage or a variant decided.' })),
});

const Evaluation = Type.Object({
  key: Type.String(),
  value: Type.Unknown({ description: 'Always there, also of a flag that is off: then its default.' }),
  reason: Type.Enum([...REASONS]),
  variant: Type.Optional(Type.String()),
  metadata: Metadata,
});

const Failure = Type.Object({
  key: Type.Optional(Type.String()),
  errorCode: Type.Enum(['FLAG_NOT_FOUND', 'PARSE_ERROR', 'TARGETING_KEY_MISSING', 'INVALID_CONTEXT']),
  errorDetails: Type.String(),
});

const Bulk = Type.Object({
  flags: Type.Array(Type.Union([Evaluation, Failure])),
  metadata: Type.Object({ version: Type.Integer({ description: 'Of all definitions of the app together.' }) }),
  eventStreams: Type.Optional(
    Type.Array(Type.Object({ type: Type.Literal('sse'), url: Type.String() }), {
      description: 'Where changes are told of; with a client key in it, if one has asked.',
    }),
  ),
});

const body = Type.Object({
  context: Type.Optional(
    Type.Object(
      { targetingKey: Type.Optional(Type.String({ description: 'The profile; without it nobody is meant.' })) },
      { additionalProperties: true, description: 'Anything else is an attribute, and outweighs the stored one.' },
    ),
  ),
});

const proof =
  'Where the app demands identity proof, a client key sends it as `X-Identity-Proof`; without it only the given ' +
  'attributes count.';

/** For the reference only: bodies are read by a reader of ours, and the answers are written by hand. */
export const ofrepDocs = {
  single: {
    tags: ['flags'],
    summary: 'Evaluate one flag (OFREP)',
    description: proof,
    params: Type.Object({ '*': Type.String({ description: 'The key of the flag, decoded once.' }) }),
    documentedBody: body,
    response: { 200: Evaluation, 400: Type.Union([Failure, Problem]), 404: Failure, '4xx': Problem, 503: Problem },
  },
  bulk: {
    tags: ['flags'],
    summary: 'Evaluate all flags (OFREP)',
    description: `${proof} \`If-None-Match\` with the \`ETag\` of an answer: 304 while the answer is the same.`,
    documentedBody: body,
    response: {
      200: Bulk,
      304: Type.Null({ description: 'What the client has is still so.' }),
      400: Type.Union([Failure, Problem]),
      '4xx': Problem,
      503: Problem,
    },
  },
};
