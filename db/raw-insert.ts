import { createRequire } from 'node:module';
import { type ClientSession, type Db, type Document, MongoServerError, MongoWriteConcernError } from 'mongodb';

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

type ConcernError = ConstructorParameters<typeof MongoWriteConcernError>[0]['writeConcernError'];

/**
 * What a write command answers without an error may still say that it failed. Thrown is the first refusal, with all of
 * them as `writeErrors`; a write concern that was not met comes before, since then nothing is certain of the rest.
 */
export function throwIfRefused(answer: Document): void {
  const unconfirmed = answer['writeConcernError'] as ConcernError | undefined;
  if (unconfirmed !== undefined) throw new MongoWriteConcernError({ writeConcernError: unconfirmed, ok: 1 });
  const writeErrors = (answer['writeErrors'] as Document[] | undefined) ?? [];
  const [first] = writeErrors;
  if (first !== undefined) throw new MongoServerError({ ...first, writeErrors });
}

/** Inserts BSON documents as one command, inside a transaction. Nothing to insert: nothing is sent. */
export async function insertRaw(db: Db, collection: string, bytes: Uint8Array, session: ClientSession): Promise<void> {
  if (bytes.length === 0) return;
  throwIfRefused(await db.command({ insert: collection, documents: rawDocuments(bytes), ordered: false }, { session }));
}
