import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { guarded } from '../domain/guarded.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, date, documentOf, number, oneOf, optional, string } from './json-schema.js';
import type { Upgrade } from './upgrades.js';

interface SchemaVersionDoc {
  readonly _id: 'schema';
  readonly version: number;
  /** Set while an upgrade runs; stays when it crashes. */
  readonly upgradingTo?: number;
  readonly heldBy: string;
  readonly heldUntil: Date;
  readonly history: readonly UpgradeDoc[];
}

interface UpgradeDoc {
  readonly version: number;
  readonly title: string;
  readonly at: Date;
}

export const schemaVersionsSpec: CollectionSpec = {
  name: 'schema_versions',
  indexes: [],
  jsonSchema: documentOf<SchemaVersionDoc>({
    _id: oneOf(['schema']),
    version: number,
    upgradingTo: optional(number),
    heldBy: string,
    heldUntil: date,
    history: arrayOf(documentOf<UpgradeDoc>({ version: number, title: string, at: date })),
  }),
};

/** How long a holder that died keeps the others waiting. */
const LEASE_MS = 15_000;
const RENEW_MS = 3_000;
const POLL_MS = 150;
const FREE = new Date(0);

export interface SchemaLease {
  /** The version the database is on. */
  readonly version: number;
  /** From here on, older code refuses to start, also after a crash. */
  begin(version: number): Promise<void>;
  /** @throws Error when the lease was lost meanwhile, so that nobody relies on what was done without it. */
  finish(version: number, upgrades: readonly Upgrade[]): Promise<void>;
  release(): Promise<void>;
}

/** `schema_versions`: one document that says how far the database is, and who is working on it. */
export function schemaVersions(db: Db) {
  const collection = db.collection<SchemaVersionDoc>(schemaVersionsSpec.name, {
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    writeConcern: { w: 'majority', journal: true },
  });
  const extend = [{ $set: { heldUntil: { $add: ['$$NOW', LEASE_MS] } } }]; // the server's clock, the only one all share

  return {
    /** Idempotent: only the first caller decides on which version the database begins. */
    async ensure(version: number): Promise<void> {
      await collection.updateOne(
        { _id: 'schema' },
        { $setOnInsert: { version, heldBy: '', heldUntil: FREE, history: [] } },
        { upsert: true },
      );
    },

    /**
     * Waits its turn: one process at a time works on the schema.
     * @throws Error when the database is ahead of the code.
     */
    async lease(latest: number): Promise<SchemaLease> {
      const holder = randomUUID();
      for (;;) {
        const doc = await collection.findOne({ _id: 'schema' });
        if (doc === null) throw new Error(`schema_versions of ${db.databaseName} was emptied during the start`);
        const reached = Math.max(doc.version, doc.upgradingTo ?? 0);
        if (reached > latest) {
          throw new Error(
            `database ${db.databaseName} is on schema version ${String(reached)} and this code knows ` +
              `${String(latest)} at most: start the newer release, or restore a backup taken before the upgrade`,
          );
        }
        const taken = await collection.findOneAndUpdate(
          {
            _id: 'schema',
            version: { $lte: latest },
            upgradingTo: { $not: { $gt: latest } },
            $expr: { $lt: ['$heldUntil', '$$NOW'] },
          },
          [{ $set: { heldBy: holder } }, ...extend],
          { returnDocument: 'after' },
        );
        if (taken !== null) return held(holder, taken.version);
        await sleep(POLL_MS);
      }
    },
  };

  function held(holder: string, version: number): SchemaLease {
    const mine = { _id: 'schema', heldBy: holder } as const;
    // A renewal that fails is no failure yet: `finish` finds out whether the lease was lost.
    const renew = guarded(
      () => collection.updateOne(mine, extend),
      () => undefined,
    );
    const renewal = setInterval(renew, RENEW_MS);

    const change = async (set: Parameters<typeof collection.updateOne>[1]): Promise<void> => {
      const { matchedCount } = await collection.updateOne(mine, set);
      if (matchedCount === 0) throw new Error('another process took over the schema while this one was working on it');
    };

    return {
      version,
      begin: (to) => change({ $set: { upgradingTo: to } }),
      finish(reached, upgrades) {
        const at = new Date();
        return change({
          $set: { version: reached },
          $unset: { upgradingTo: '' },
          $push: {
            history: { $each: upgrades.map((upgrade) => ({ version: upgrade.version, title: upgrade.title, at })) },
          },
        });
      },
      async release() {
        clearInterval(renewal);
        // Never in the way of the error that led here: a lease that is not given back ends by itself.
        await collection.updateOne(mine, { $set: { heldUntil: FREE } }).catch(() => undefined);
      },
    };
  }
}
