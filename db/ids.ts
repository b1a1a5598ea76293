import { hash } from 'node:crypto';
import { ObjectId } from 'mongodb';
import { keyHour } from '../domain/identity.js';

const PLAIN_ID = /^[0-9a-f]{24}$/;

/**
 * The stored id of a profile: 24 lower-case hex digits are one as they are, anything else becomes the first 12 bytes
 * of SHA-256(app `_id` + 0x00 + id), so no look-up is needed and every process finds the same.
 */
export function profileIdOf(appId: ObjectId, externalId: string): ObjectId {
  if (PLAIN_ID.test(externalId)) return ObjectId.createFromHexString(externalId);
  const input = Buffer.concat([appId.id, Buffer.from([0]), Buffer.from(externalId)]);
  return new ObjectId(hash('sha256', input, 'buffer').subarray(0, 12));
}

export const ITEM_KINDS = ['events', 'heatmap', 'profiles', 'errors', 'sessions', 'feedback'] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** Bytes of an item's key: a big-endian hour, then the 12 bytes that also are the stored document's `_id`. */
export const ITEM_KEY_BYTES = 16;

/**
 * The key under which an item is held once within the dedupe window, as latin1 text of 16 bytes: it serves as a
 * `Map` key and costs no `Buffer`. The hour in front keeps the index warm at its newest end only; it is hashed too,
 * so that one id in two hours, which are two items, is two `_id`s: a take-over knows by `_id` what is stored.
 */
export function itemKey(appId: string, kind: ItemKind, id: string, timestampMs: number): string {
  const hour = keyHour(id, timestampMs);
  const digest = hash('sha256', `${appId}/${kind}/${String(hour)}/${id}`, 'binary');
  return (
    String.fromCharCode((hour >>> 24) & 255, (hour >>> 16) & 255, (hour >>> 8) & 255, hour & 255) + digest.slice(0, 12)
  );
}

/** SHA-256(app + kind + the client's idempotency key, or the inflated body): one request, however often it is sent. */
export function batchKey(appId: string, kind: string, idempotencyKey: string | undefined, body: Uint8Array): Buffer {
  const prefix = idempotencyKey === undefined ? `${appId}/${kind}/body/` : `${appId}/${kind}/key/${idempotencyKey}`;
  const input = idempotencyKey === undefined ? Buffer.concat([Buffer.from(prefix), body]) : prefix;
  return hash('sha256', input, 'buffer');
}

export function bodyHash(body: Uint8Array): Buffer {
  return hash('sha256', body, 'buffer');
}

/** Of an error without a profile: nobody, who is never counted. */
export const NOBODY = new ObjectId('000000000000000000000000');

const LONGEST_ERROR_ID = 200;

/** A client's id as it is stored: one that is too long is its own hash, since cutting could make two of them one. */
export const errorIdOf = (id: string): string => (id.length <= LONGEST_ERROR_ID ? id : hash('sha256', id, 'hex'));

/** For layers that know ids as text. */
export const idFromHex = (hex: string): ObjectId => ObjectId.createFromHexString(hex);
