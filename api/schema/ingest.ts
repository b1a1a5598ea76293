import { Type } from 'typebox';
import { FAULT_CODES } from '../../domain/limits.js';
import { BrowserContext, PageContext } from './contexts.js';
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
  refused: Type.Integer({
    description: 'Items that MongoDB does not take: set aside with their reason, and stored once the fault is mended.',
  }),
  rejected: Rejected,
  receivedAt: Type.String({ format: 'date-time' }),
  storedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});

const ElementContext = Type.Object({
  tag: Type.String(),
  text: Type.String(),
  x: Type.Integer(),
  y: Type.Integer(),
  scrollDepthPct: Type.Integer(),
});

const EventBatchBody = Type.Partial(
  Type.Object({
    events: Type.Array(
      Type.Partial(
        Type.Object({
          eventId: Type.String({ description: 'What a resend repeats. Without it the content is the identity.' }),
          appId: Type.String({ description: 'May be left out: the key says which app it is.' }),
          profileId: Type.String(),
          sessionId: Type.String(),
          timestampMs: Type.Integer({ description: 'When it happened, in ms since 1970.' }),
          eventType: Type.String({ description: '`page_view`, `click`, `scroll`, `hover`, or a name of your own.' }),
          pageUrl: Type.String(),
          elementTid: Type.String(),
          metadata: Type.Record(Type.String(), Type.String()),
          pageContext: PageContext,
          elementContext: ElementContext,
        }),
      ),
    ),
    heatmapEvents: Type.Array(
      Type.Partial(
        Type.Object({
          profileId: Type.String(),
          sessionId: Type.String(),
          pageUrl: Type.String(),
          timestampMs: Type.Integer(),
          x: Type.Integer(),
          y: Type.Integer(),
          viewportWidth: Type.Integer(),
          viewportHeight: Type.Integer(),
        }),
      ),
    ),
  }),
  {
    examples: [
      {
        events: [
          {
            eventId: '0199a1c2-5e1e-7c3a-9d55-2f6c1a7b8e90',
            profileId: 'ada',
            eventType: 'signup',
            timestampMs: 1_795_392_261_000,
            metadata: { plan: 'pro' },
          },
        ],
      },
    ],
  },
);

const ErrorBatchBody = Type.Partial(
  Type.Object({
    errors: Type.Array(
      Type.Partial(
        Type.Object({
          errorId: Type.String({ description: 'What a resend repeats. Without it the content is the identity.' }),
          appId: Type.String({ description: 'May be left out: the key says which app it is.' }),
          profileId: Type.String({ description: "May be left out: the error counts, and as nobody's." }),
          sessionId: Type.String(),
          timestampMs: Type.Integer({ description: 'Missing or absurd: the time of receipt stands in.' }),
          errorType: Type.String({ description: '`runtime`, `unhandled_rejection`, `network`, `render`.' }),
          message: Type.String(),
          stackTrace: Type.String({ description: "The engine's own text; it is parsed, symbolicated and grouped." }),
          sourceFile: Type.String(),
          line: Type.Integer(),
          column: Type.Integer(),
          severity: Type.Enum(['INFO', 'WARNING', 'ERROR', 'FATAL']),
          userComment: Type.String(),
          tags: Type.Record(Type.String(), Type.String()),
          breadcrumbs: Type.Array(
            Type.Partial(
              Type.Object({
                timestampMs: Type.Integer(),
                category: Type.String(),
                message: Type.String(),
                data: Type.Record(Type.String(), Type.String()),
              }),
            ),
          ),
          pageContext: PageContext,
          browserContext: BrowserContext,
          release: Type.String(),
          environment: Type.String(),
        }),
      ),
    ),
  }),
  {
    examples: [
      {
        errors: [
          {
            errorId: '0199a1c2-5e1e-7c3a-9d55-2f6c1a7b8e91',
            profileId: 'ada',
            errorType: 'runtime',
            severity: 'ERROR',
            message: 'cart is undefined',
            stackTrace: 'TypeError: cart is undefined\n    at total (https://shop.example/app.js:10:5)',
            release: 'shop@2.0.0',
            environment: 'production',
          },
        ],
      },
    ],
  },
);

const SegmentBody = Type.Object({
  batch: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  writeKey: Type.Optional(Type.String({ description: 'The app key, where no header carries it.' })),
});

/** For the reference only: these bodies are read by our own readers, and the answers are written by hand. */
export const ingestDocs = {
  events: {
    tags: ['ingest'],
    summary: 'Send events and heatmap points',
    description: 'An `EventBatch` as protobuf or proto3 JSON, also gzip, deflate or br. A 202 means: on disk.',
    consumes: ['application/json', 'application/x-protobuf', 'text/plain'],
    documentedBody: EventBatchBody,
    response: answers,
  },
  errors: {
    tags: ['ingest'],
    summary: 'Send errors',
    description:
      'An `ErrorBatch` as protobuf or proto3 JSON, also gzip, deflate or br. A 202 means: on disk. Fields that are too long are cut.',
    consumes: ['application/json', 'application/x-protobuf', 'text/plain'],
    documentedBody: ErrorBatchBody,
    response: answers,
  },
  segment: {
    tags: ['ingest'],
    summary: "Send what Segment's libraries send",
    description:
      "track, page and screen are events; identify, group and alias write profiles. Where the app demands proof of identity, it goes into `context.identityProof`, and that of an alias's `previousId` into `context.previousIdentityProof`.",
    consumes: ['application/json'],
    documentedBody: SegmentBody,
    response: answers,
  },
};
