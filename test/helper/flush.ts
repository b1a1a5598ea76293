import { randomBytes } from 'node:crypto';
import { Binary, ObjectId } from 'mongodb';
import { ulid } from 'ulid';
import type { FlushDoc } from '../../db/spool.js';

/** A flush of one app that holds nothing, made at `at`. */
export function emptyFlush(at: Date, appId = new ObjectId()): FlushDoc {
  const key = new Binary(randomBytes(32));
  const lane = () => new Binary(randomBytes(16), Binary.SUBTYPE_UUID);
  return {
    _id: ulid(at.getTime()),
    state: 'new',
    at,
    epoch: 0,
    lanes: { events: lane(), heatmap: lane() },
    batches: [{ key, appId, kind: 'events', format: 'json', from: 0, to: 0, accepted: 0, rejected: [] }],
    batchKeys: [key],
    owned: 0,
    skip: [],
    bytes: { events: new Binary(Buffer.alloc(0)), heatmap: new Binary(Buffer.alloc(0)) },
    size: 0,
  };
}
