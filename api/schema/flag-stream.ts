import { Type } from 'typebox';
import { Problem } from './problem.js';

export const FlagStreamQuery = Type.Object({
  since: Type.Optional(
    Type.String({
      pattern: '^\\d{1,15}$',
      description: 'The version that the client has: if there is a newer one already, that is told at once.',
    }),
  ),
});

/** For the reference only: what is streamed is written by hand. */
export const flagStreamDocs = {
  tags: ['flags'],
  summary: 'Changes of flags, as server-sent events',
  description:
    'Unnamed messages `{"type":"refetchEvaluation","etag":"...","changedKeys":[...]}`: the flags may answer ' +
    'differently now. `changedKeys` names those that changed, unless there are more than 100. The key goes in `?key=`, ' +
    'since an `EventSource` sends no headers.',
  produces: ['text/event-stream'],
  response: { 200: Type.String({ contentMediaType: 'text/event-stream' }), '4xx': Problem, 503: Problem },
};
