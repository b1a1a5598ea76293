import { Type } from '@fastify/type-provider-typebox';
import { ObjectId } from 'mongodb';
import { PlatformError } from '../../domain/errors.js';

export const Id = Type.String({ pattern: '^[0-9a-f]{24}$' });
export const Instant = Type.String({ format: 'date-time', maxLength: 40 });
export const NullableInstant = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);
/** What people call a thing: one line, shown as it is. */
export const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });

/** Lists come newest first; `next` of one page is `before` of the following. */
export const PageQuery = Type.Object(
  { limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }), before: Type.Optional(Id) },
  { additionalProperties: false },
);
export const Next = Type.Union([Id, Type.Null()]);

export const objectId = (hex: string): ObjectId => ObjectId.createFromHexString(hex);

export const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

/** @throws REQUEST_INVALID for what looks like an instant and is none, such as a 61st second. */
export function instant(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new PlatformError('REQUEST_INVALID', `${text} is no instant`);
  return date;
}

/** An end that lies ahead, or none. @throws REQUEST_INVALID */
export function futureInstant(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const date = instant(text);
  if (date.getTime() <= Date.now()) throw new PlatformError('REQUEST_INVALID', `expiresAt ${text} is not ahead`);
  return date;
}

/** The cursor for the following page: none when this one was not full. */
export function nextPage(docs: readonly { readonly _id: ObjectId }[], limit: number): string | null {
  return docs.length < limit ? null : (docs.at(-1)?._id.toHexString() ?? null);
}
