import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { arrayOf, documentOf, objectId, string } from './json-schema.js';

/** From which locale into which ones an app is translated, and who may push its strings. */
export interface TranslationConfigDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly sourceLocale: string;
  readonly targetLocales: readonly string[];
  /** The last version of the source strings that was seen. */
  readonly sourceVersion: string;
  readonly webhookSecret: string;
}

export const translationConfigSpec: CollectionSpec = {
  name: 'translation_config',
  indexes: [{ key: { appId: 1 }, name: 'one_per_app', unique: true }],
  jsonSchema: documentOf<TranslationConfigDoc>({
    _id: objectId,
    appId: objectId,
    sourceLocale: string,
    targetLocales: arrayOf(string),
    sourceVersion: string,
    webhookSecret: string,
  }),
};
