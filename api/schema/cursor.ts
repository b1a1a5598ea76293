import { Type } from '@fastify/type-provider-typebox';
import type { PageCursor } from '../../db/error-reads.js';
import { PlatformError } from '../../domain/errors.js';
import { objectId } from './common.js';

/** Where a page ended, for the one after it. Nothing in it is believed: it moves within what the caller may read. */
export const After = Type.String({ pattern: '^[A-Za-z0-9_-]{1,160}$', description: '`next` of the page before' });
export const NextCursor = Type.Union([Type.String(), Type.Null()]);

const WRITTEN = /^(.{1,40}) (-?\d{1,16}) ([0-9a-f]{24})$/;

/** @param order of which list, and how it is sorted: in another order the place would mean nothing */
const cursorText = (order: string, { value, id }: PageCursor): string =>
  Buffer.from(`${order} ${String(value)} ${id.toHexString()}`).toString('base64url');

/** @throws REQUEST_INVALID for what is no cursor of this list in this order. */
export function cursorOf(order: string, text: string | undefined): PageCursor | undefined {
  if (text === undefined) return undefined;
  const [, written, value, id] = WRITTEN.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  const sortedBy = Number(value);
  if (written !== order || id === undefined || !Number.isSafeInteger(sortedBy))
    throw new PlatformError('REQUEST_INVALID', '`after` is not the `next` of a page of this list in this order');
  return { value: sortedBy, id: objectId(id) };
}

/** None when this page was not full. */
export const nextCursor = <T>(
  order: string,
  page: readonly T[],
  limit: number,
  place: (last: T) => PageCursor,
): string | null => {
  const last = page.at(-1);
  return last === undefined || page.length < limit ? null : cursorText(order, place(last));
};
