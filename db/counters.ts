import type { ClientSession, Db } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { documentOf, number, string } from './json-schema.js';

interface CounterDoc {
  readonly _id: string;
  readonly value: number;
}

export const countersSpec: CollectionSpec = {
  name: 'counters',
  indexes: [],
  jsonSchema: documentOf<CounterDoc>({ _id: string, value: number }),
};

export function counters(db: Db) {
  const collection = db.collection<CounterDoc>(countersSpec.name);

  return {
    /** The next number of a sequence, from 1 on. Given back when the transaction does not commit, so without gaps. */
    async next(session: ClientSession, name: string): Promise<number> {
      const counter = await collection.findOneAndUpdate(
        { _id: name },
        { $inc: { value: 1 } },
        { session, upsert: true, returnDocument: 'after' },
      );
      if (counter === null) throw new Error(`the counter ${name} was neither found nor made`);
      return counter.value;
    },
  };
}

export type Counters = ReturnType<typeof counters>;
