import type { Db, ObjectId } from 'mongodb';
import { type FlagLife, type Staleness, stalenessOf } from '../domain/flag-stale.js';
import { type App, type AppDoc, appRegistrationsSpec, toApp } from './apps.js';
import { type FlagReadDoc, flagReadsSpec } from './flag-usage.js';
import { type FlagDoc, flagsSpec } from './flags.js';

/** A flag that may be in nobody's use any more. */
export interface StaleFlag {
  readonly key: string;
  readonly version: number;
  readonly owner: ObjectId | null;
  readonly lastReadAt: Date | undefined;
  readonly reasons: readonly Staleness[];
}

const READ = { key: 1, version: 1, owner: 1, enabled: 1, killedAt: 1, rules: 1, createdAt: 1 } as const;
type ReadFlag = Pick<FlagDoc, keyof typeof READ | 'updatedAt' | 'expiresAt'>;

const lifeOf = (flag: ReadFlag, lastRead: Date | undefined): FlagLife => ({
  enabled: flag.enabled && (flag.killedAt ?? null) === null,
  rules: flag.rules,
  createdAtMs: flag.createdAt.getTime(),
  updatedAtMs: flag.updatedAt.getTime(),
  expiresAtMs: flag.expiresAt?.getTime(),
  lastReadMs: lastRead?.getTime(),
});

export function flagStale(db: Db) {
  const apps = db.collection<AppDoc>(appRegistrationsSpec.name);
  const flags = db.collection<FlagDoc>(flagsSpec.name);
  const reads = db.collection<FlagReadDoc>(flagReadsSpec.name);

  return {
    /** Apps with flags. */
    async apps(): Promise<App[]> {
      const ids = await flags.distinct('appId', { archivedAt: null });
      return (await apps.find({ _id: { $in: ids } }).toArray()).map(toApp);
    },

    /** Those of an app, by key; archived ones are gone already. */
    async ofApp({ id: appId, config }: Pick<App, 'id' | 'config'>, now: Date): Promise<StaleFlag[]> {
      const projection = { ...READ, updatedAt: 1, expiresAt: 1 } as const;
      const [found, read] = await Promise.all([
        flags.find<ReadFlag>({ appId, archivedAt: null }, { projection }).sort({ key: 1 }).toArray(),
        reads.find({ appId }, { projection: { flagKey: 1, lastAt: 1 } }).toArray(),
      ]);
      const lastReads = new Map(read.map(({ flagKey, lastAt }) => [flagKey, lastAt]));
      return found.flatMap((flag) => {
        const lastReadAt = lastReads.get(flag.key);
        const reasons = stalenessOf(lifeOf(flag, lastReadAt), now.getTime(), config.flags.staleAfterDays);
        const { key, version = 1, owner = null } = flag;
        return reasons.length === 0 ? [] : [{ key, version, owner, lastReadAt, reasons }];
      });
    },
  };
}

export type FlagStale = ReturnType<typeof flagStale>;
