import { Type } from 'typebox';
import { Problem } from './problem.js';

const Answer = Type.Object({ id: Type.Optional(Type.String({ description: 'Of the event in the envelope.' })) });

const answers = { 200: Answer, '4xx': Problem, 503: Problem };

const limits =
  '`X-Sentry-Rate-Limits` names what an SDK should hold back, also on a 200; there is never a `Retry-After`.';

/** For the reference only: envelopes are read by our own reader. */
export const sentryDocs = {
  envelope: {
    tags: ['ingest'],
    summary: "Send what Sentry's SDKs send",
    description:
      'An envelope, also gzip, deflate or br, up to 40 MiB as sent. Events, sessions, feedback and client reports are ' +
      `taken, attachments and all else skipped. ${limits}`,
    params: Type.Object({ dsnId: Type.String({ pattern: '^[0-9]{1,15}$', description: 'The project of the DSN.' }) }),
    consumes: ['application/x-sentry-envelope', 'text/plain'],
    response: answers,
  },
  store: {
    tags: ['ingest'],
    summary: 'Send one event as older Sentry SDKs do',
    description: `A Sentry event as JSON. ${limits}`,
    params: Type.Object({ dsnId: Type.String({ pattern: '^[0-9]{1,15}$', description: 'The project of the DSN.' }) }),
    consumes: ['application/json', 'text/plain'],
    response: answers,
  },
  tunnel: {
    tags: ['ingest'],
    summary: 'Send what a Sentry SDK sends through its `tunnel`',
    description: `An envelope whose header holds the DSN of an app of ours. ${limits}`,
    consumes: ['application/x-sentry-envelope', 'text/plain'],
    response: answers,
  },
};
