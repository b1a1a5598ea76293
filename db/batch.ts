import type { ObjectId } from 'mongodb';
import type { Fault } from '../domain/limits.js';
import type { RollupCount } from '../domain/rollup.js';
import type { ItemKind } from './ids.js';
import type { DropWrite } from './drops.js';
import type { FeedbackWrite } from './feedback.js';
import type { ProfileTouch, ProfileWrite } from './profiles.js';
import type { SessionWrite } from './release-sessions.js';

/** Which item of a request was refused, and why. */
export interface Rejection extends Fault {
  readonly list: string;
  readonly index: number;
}

/** What a flush does besides storing documents; each once only, by its last transaction. */
export type FlushWrite = ProfileWrite | SessionWrite | FeedbackWrite | DropWrite;

/** One valid item of a batch, finished: under its key it is stored once, as these bytes. */
export interface BatchItem {
  readonly kind: ItemKind;
  /** 16 bytes as latin1 text, see `itemKey`. */
  readonly key: string;
  /** The document as BSON; undefined where the item is a write. */
  readonly bytes?: Uint8Array;
  readonly rollup?: RollupCount;
  readonly write?: FlushWrite;
}

/** A request after validation: all that the spool needs of it. */
export interface Batch {
  readonly appId: ObjectId;
  /** The slug, for people. */
  readonly appSlug: string;
  readonly key: Buffer;
  /** SHA-256 of the inflated body where the client chose the key, so that its reuse for another body is seen. */
  readonly bodyHash?: Buffer;
  readonly kind: string;
  readonly format: string;
  readonly items: readonly BatchItem[];
  readonly rejected: readonly Rejection[];
  readonly touches: readonly ProfileTouch[];
  /** What was not taken, to be counted. */
  readonly drops: readonly DropWrite[];
  /** Of the finished documents, in all. */
  readonly bytes: number;
}

/** What a 2xx says of a batch, now and at every resend. */
export interface Accepted {
  readonly batchId: string;
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
}

export const batchId = (key: Uint8Array): string => Buffer.from(key).toString('hex');

/** Items of a request, also the refused ones. */
export const batchSize = (batch: Batch): number => batch.items.length + batch.rejected.length;
