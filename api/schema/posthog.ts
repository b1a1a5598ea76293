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
  config: {
    tags: ['ingest'],
    summary: "What PostHog's browser library asks for when it starts",
    params: Type.Object({ key: Type.String() }),
    response: { 200: Type.Record(Type.String(), Type.Unknown()), '4xx': Problem, 503: Problem },
  },
};
