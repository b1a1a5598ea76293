import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { date, documentOf, nullable, objectId, oneOf, string } from './json-schema.js';

const STATUSES = ['pending', 'suggested', 'approved', 'overridden'] as const;

/** One string in one target locale. */
export interface TranslationDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly locale: string;
  readonly key: string;
  /** The original, in the app's source locale. */
  readonly sourceText: string;
  readonly translatedText: string;
  readonly status: (typeof STATUSES)[number];
  /** What the language model proposed. */
  readonly suggestedText: string | null;
  /** Who approved or overrode it. */
  readonly translatedBy: ObjectId | null;
  readonly updatedAt: Date;
}

export const translationsSpec: CollectionSpec = {
  name: 'translations',
  indexes: [{ key: { appId: 1, locale: 1, key: 1 }, name: 'once_per_app_and_locale', unique: true }],
  jsonSchema: documentOf<TranslationDoc>({
    _id: objectId,
    appId: objectId,
    locale: string,
    key: string,
    sourceText: string,
    translatedText: string,
    status: oneOf(STATUSES),
    suggestedText: nullable(string),
    translatedBy: nullable(objectId),
    updatedAt: date,
  }),
};
