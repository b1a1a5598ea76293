import { createRequire } from 'node:module';
import { type ClientSession, type Db, type Document, MongoServerError } from 'mongodb';

/** A part of the driver that it keeps to itself: documents that are BSON already; `test/db/lane.test.ts` guards it. */
interface DriverDocumentSequence {
  push(document: Document, bytes: Uint8Array): number;
}
const { DocumentSequence } = createRequire(import.meta.url)('mongodb/lib/cmap/commands') as {
  DocumentSequence: new (field: string) => DriverDocumentSequence;
};

/** BSON documents, one after the other in `bytes`, as what an insert command takes as its documents. */
export function rawDocuments(bytes: Uint8Array): unknown {
  const documents = new DocumentSequence('documents');
  documents.push({}, bytes);
  return documents;
}

/** What a write command answers without an error may still say that it failed. */
export function throwIfRefused(answer: Document): void {
  const [refused] = (answer['writeErrors'] as Document[] | undefined) ?? [];
  const failure = refused ?? (answer['writeConcernError'] as Document | undefined);
  if (failure !== undefined) throw new MongoServerError(failure);
}

/** Inserts BSON documents as one command, inside a transaction. Nothing to insert: nothing is sent. */
export async function insertRaw(db: Db, collection: string, bytes: Uint8Array, session: ClientSession): Promise<void> {
  if (bytes.length === 0) return;
  throwIfRefused(await db.command({ insert: collection, documents: rawDocuments(bytes), ordered: false }, { session }));
}
