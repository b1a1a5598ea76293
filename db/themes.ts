import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { arrayOf, boolean, date, documentOf, mapOf, anything, number, objectId, string } from './json-schema.js';

interface RatingDoc {
  readonly avg: number;
  readonly count: number;
}

/** A theme in the gallery. */
export interface ThemeDoc {
  readonly _id: ObjectId;
  readonly authorProfileId: ObjectId;
  readonly name: string;
  readonly description: string;
  readonly isPublic: boolean;
  readonly isOfficial: boolean;
  readonly category: readonly string[];
  readonly installCount: number;
  readonly rating: RatingDoc;
  /** Design tokens in the DTCG format. */
  readonly definition: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export const themesSpec: CollectionSpec = {
  name: 'themes',
  indexes: [
    { key: { isPublic: 1, installCount: 1 }, name: 'by_public_installs' },
    { key: { authorProfileId: 1 }, name: 'by_author' },
  ],
  jsonSchema: documentOf<ThemeDoc>({
    _id: objectId,
    authorProfileId: objectId,
    name: string,
    description: string,
    isPublic: boolean,
    isOfficial: boolean,
    category: arrayOf(string),
    installCount: number,
    rating: documentOf<RatingDoc>({ avg: number, count: number }),
    definition: mapOf(anything),
    createdAt: date,
    updatedAt: date,
  }),
};
