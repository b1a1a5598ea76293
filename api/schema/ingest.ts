import { Type } from 'typebox';
import { FAULT_CODES } from '../../domain/limits.js';
import { Problem } from './problem.js';

const Rejected = Type.Array(
  Type.Object({
    list: Type.String(),
    index: Type.Integer(),
    code: Type.Enum([...FAULT_CODES]),
    field: Type.String(),
  }),
  { description: 'One entry per refused item: where it stands in the request, and why it was refused.' },
);

const IngestAnswer = Type.Object(
  {
    success: Type.Boolean(),
    eventsAccepted: Type.Integer({ description: 'Valid items, duplicates included: those are known in the receipt.' }),
    eventsRejected: Type.Integer(),
    batchId: Type.String({ description: 'Ask `/v1/batches/{batchId}` what became of the batch.' }),
    rejected: Rejected,
  },
  { description: '`IngestResponse`; protobuf bodies are answered in protobuf, without `batchId` and `rejected`.' },
);

const answers = {
  202: IngestAnswer,
  400: Type.Union([IngestAnswer, Problem], { description: 'Every item refused, or the body cannot be read.' }),
  '4xx': Problem,
  503: Problem,
};

export const ReceiptParams = Type.Object({ batchId: Type.String({ pattern: '^[0-9a-f]{64}$' }) });

export const ReceiptView = Type.Object({
  batchId: Type.String(),
  state: Type.Enum(['pending', 'stored', 'failed']),
  accepted: Type.Integer(),
  stored: Type.Integer(),
  duplicates: Type.Integer({ description: 'Items that an earlier batch held already.' }),
  expired: Type.Integer({
    description: "Items left out because the app's retention had passed before they were stored.",
  }),
  rejected: Rejected,
  receivedAt: Type.String({ format: 'date-time' }),
  storedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});

/** Documentation only: these bodies are read by our own readers, and the answers are written by hand. */
export const ingestDocs = {
  events: {
    tags: ['ingest'],
    summary: 'Send events and heatmap points',
    description: 'An `EventBatch` as protobuf or proto3 JSON, also gzip, deflate or br. A 202 means: on disk.',
    consumes: ['application/x-protobuf', 'application/json', 'text/plain'],
    response: answers,
  },
  segment: {
    tags: ['ingest'],
    summary: "Segment's batch",
    description: "What Segment's libraries send: track, page, screen, identify, group, alias.",
    consumes: ['application/json'],
    response: answers,
  },
};
