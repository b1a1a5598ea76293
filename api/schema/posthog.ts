import { Type } from 'typebox';
import { Problem } from './problem.js';

const answers = { 200: Type.Object({ status: Type.Literal(1) }), '4xx': Problem, 503: Problem };

const Event = Type.Record(Type.String(), Type.Unknown());

const how =
  'JSON, also gzip without saying so. `$exception` is an error, `$$heatmap` heatmap points, `$identify`, `$set` and ' +
  '`$create_alias` write profiles, all else is an event. `uuid` is what a retry repeats.';

/** For the reference only: these bodies are read by our own readers, and the answers are written by hand. */
export const postHogDocs = {
  batch: {
    tags: ['ingest'],
    summary: "Send what PostHog's server libraries send",
    description: how,
    consumes: ['application/json', 'text/plain'],
    documentedBody: Type.Object({
      api_key: Type.Optional(Type.String({ description: 'The app key, where no header carries it.' })),
      batch: Type.Array(Event),
      sent_at: Type.Optional(Type.String({ format: 'date-time' })),
    }),
    response: answers,
  },
  capture: {
    tags: ['ingest'],
    summary: "Send what PostHog's browser library sends",
    description: `${how} A batch, a list of events or one event.`,
    consumes: ['application/json', 'text/plain', 'application/x-www-form-urlencoded'],
    documentedBody: Event,
    response: answers,
  },
  flags: {
    tags: ['flags'],
    summary: "What PostHog's libraries ask of flags",
    description:
      'JSON, also gzip without saying so. `person_properties` outweigh the stored attributes, except those that begin ' +
      'with `$`. A text value is the variant, a number or JSON value the payload.',
    consumes: ['application/json', 'text/plain'],
    documentedBody: Type.Object({
      token: Type.Optional(Type.String({ description: 'The app key, where no header carries it.' })),
      distinct_id: Type.String(),
      person_properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      flag_keys_to_evaluate: Type.Optional(Type.Array(Type.String())),
    }),
    response: {
      200: Type.Object({
        flags: Type.Record(
          Type.String(),
          Type.Object({
            key: Type.String(),
            enabled: Type.Boolean(),
            variant: Type.Optional(Type.String()),
            reason: Type.Object({ code: Type.String(), description: Type.String() }),
            metadata: Type.Object({
              id: Type.Integer(),
              version: Type.Integer(),
              payload: Type.Optional(Type.String({ description: 'JSON.' })),
            }),
          }),
        ),
        errorsWhileComputingFlags: Type.Boolean(),
        requestId: Type.String(),
      }),
      '4xx': Problem,
      503: Problem,
    },
  },
  config: {
    tags: ['ingest'],
    summary: "What PostHog's browser library asks for when it starts",
    params: Type.Object({ key: Type.String() }),
    response: { 200: Type.Record(Type.String(), Type.Unknown()), '4xx': Problem, 503: Problem },
  },
};
