import type { FastifyPluginAsync } from 'fastify';
import { eventsInBytes, eventsInJson } from '../../proto/codec.js';
import { type IngestDeps, ownBatches } from '../ingest/own-batches.js';
import { ingestDocs } from '../schema/ingest.js';

/** `EventBatch`. */
export const ingestRoutes = (deps: IngestDeps): FastifyPluginAsync =>
  ownBatches(deps, {
    path: '/v1/events',
    kind: 'events',
    schema: ingestDocs.events,
    inJson: eventsInJson,
    inBytes: eventsInBytes,
    add(builder, { list, index, item }) {
      if (list === 'events') builder.event(list, index, item);
      else builder.heatmap(list, index, item);
      return undefined;
    },
  });
