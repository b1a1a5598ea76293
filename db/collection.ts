import type { CreateCollectionOptions, Document, IndexDescription } from 'mongodb';

/** What a collection is: applied by `schema.ts`, idempotently, at every start. */
export interface CollectionSpec {
  readonly name: string;
  readonly indexes: readonly IndexDescription[];
  /** Time-series and the like; fixed at creation. */
  readonly options?: CreateCollectionOptions;
  /** The body of a `$jsonSchema` validator; not possible on time-series collections. */
  readonly jsonSchema?: Document;
}
