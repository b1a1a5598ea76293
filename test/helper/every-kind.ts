import { BSON, type Document } from 'mongodb';
import { batchBuilder } from '../../api/ingest/batch-builder.js';
import type { Batch, BatchItem, FlushWrite } from '../../db/batch.js';
import type { ItemKind } from '../../db/ids.js';
import { EXPOSURE_EVENT } from '../../domain/exposure.js';
import { occurrenceOf } from './occurrence.js';

/** What clients send that ends up in a flush. */
export const KINDS = [
  'event',
  'point',
  'error',
  'session',
  'feedback',
  'identify',
  'alias',
  'exposure',
  'drop',
] as const;
export type Kind = (typeof KINDS)[number];

const HOUR_MS = 3_600_000;
const NOTHING = { elementTid: '', metadata: {}, pageContext: undefined, elementContext: undefined };

/** Adds an item of a kind; the same `id` is the same item. */
export async function addItem(builder: ReturnType<typeof batchBuilder>, kind: Kind, id: string): Promise<void> {
  const now = Date.now();
  const timestampMs = now - (now % HOUR_MS);
  const common = { appId: '', profileId: 'ada', sessionId: 's', timestampMs, pageUrl: '/' };
  switch (kind) {
    case 'event':
      builder.event('events', 0, { ...common, ...NOTHING, eventId: id, eventType: 'click' });
      break;
    case 'exposure':
      builder.event(
        'events',
        0,
        { ...common, ...NOTHING, eventId: id, eventType: 'custom' },
        { eventName: EXPOSURE_EVENT },
      );
      break;
    case 'point':
      // It has no id of its own, its content is its identity.
      builder.heatmap('heatmapEvents', 0, {
        ...common,
        pageUrl: `/${id}`,
        x: 1,
        y: 1,
        viewportWidth: 1,
        viewportHeight: 1,
      });
      break;
    case 'error':
      await builder.error(
        'errors',
        0,
        occurrenceOf({ errorId: id, profileId: 'ada', message: 'no card', timestampMs }),
      );
      break;
    case 'session':
      builder.session(id, {
        type: 'session',
        sid: id,
        status: 'ok',
        profileId: 'ada',
        release: 'shop@1.0.0',
        environment: '',
        startedMs: timestampMs,
      });
      break;
    case 'feedback':
      builder.feedback(id, {
        text: id,
        name: '',
        email: '',
        pageUrl: '',
        associatedErrorId: '',
        tags: {},
        profileId: 'ada',
        timestampMs,
      });
      break;
    case 'identify':
      builder.identify('batch', 0, {
        id,
        externalId: `person-${id}`,
        identifies: true,
        attributes: { plan: 'pro' },
        timestampMs,
      });
      break;
    case 'alias':
      builder.alias({ id, from: `before-${id}`, to: `person-${id}`, timestampMs, isFromUnproved: false });
      break;
    case 'drop':
      builder.drop('client', id, 'error', 1);
      break;
  }
}

const SPOILT: Readonly<Record<FlushWrite['type'], Document>> = {
  identify: { externalId: 7 },
  alias: { at: 'yesterday' },
  session: { status: 'nonsense' },
  sessions: { environment: 7 },
  feedback: {},
  drop: { by: 'nonsense' },
};

const spoiltWrite = (write: FlushWrite): FlushWrite =>
  write.type === 'feedback'
    ? { ...write, document: { ...write.document, type: 'nonsense' as 'bug' } }
    : { ...write, ...SPOILT[write.type] };

const SPOILT_DOCUMENTS: Readonly<Partial<Record<ItemKind, Document>>> = {
  events: { timestamp: 'yesterday' },
  heatmap: { timestamp: 'yesterday' },
  errors: { severity: 'nonsense' },
};

/** The item as an API with a fault in it would have acknowledged it: mongod refuses it. */
function spoiltItem(item: BatchItem): BatchItem {
  const { bytes, write, kind } = item;
  return {
    ...item,
    ...(bytes && { bytes: BSON.serialize({ ...BSON.deserialize(bytes), ...SPOILT_DOCUMENTS[kind] }) }),
    ...(write && { write: spoiltWrite(write) }),
  };
}

/** A batch in which what `chosen` picks is refused by mongod. */
export const spoilt = (batch: Batch, chosen: (item: BatchItem) => boolean): Batch => ({
  ...batch,
  items: batch.items.map((item) => (chosen(item) ? spoiltItem(item) : item)),
});

/** The same of its drops, which are no items. */
export const spoiltDrops = (batch: Batch): Batch => ({
  ...batch,
  drops: batch.drops.map((drop) => spoiltWrite(drop) as typeof drop),
});
