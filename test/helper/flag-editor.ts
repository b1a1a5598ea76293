import type { Db, MongoClient } from 'mongodb';
import type { App } from '../../db/apps.js';
import type { NewFlag } from '../../db/flag-content.js';
import type { FlagCondition } from '../../domain/flag.js';
import { changer, flagStore, newFlag } from './flags.js';

type Whose = Pick<App, 'id' | 'appId'>;
type Fields = Partial<Omit<NewFlag, 'key'>>;

export const conditionOf = (attribute: string, operator: string, ...values: string[]): FlagCondition => ({
  attribute,
  operator,
  values,
});

/** Somebody who changes flags, as the console does it. Each call is one version. */
export function flagEditor(client: MongoClient, db: Db) {
  const { flagChanges, flagSegmentChanges, flagStates } = flagStore(client, db);
  const { actor } = changer();
  const by = ({ id: appId, appId: app }: Whose) => ({ actor, appId, app, note: 'test' });

  return {
    async create(whose: Whose, key: string, fields: Fields = {}): Promise<void> {
      await flagChanges.create({ ...by(whose), flag: newFlag(key, fields) });
    },
    async change(whose: Whose, flagKey: string, change: Fields): Promise<void> {
      await flagChanges.change({ ...by(whose), flagKey, change });
    },
    async archive(whose: Whose, flagKey: string): Promise<void> {
      await flagChanges.archive({ ...by(whose), flagKey });
    },
    async kill(whose: Whose, flagKey: string): Promise<void> {
      await flagChanges.kill({ ...by(whose), flagKey });
    },
    async createSegment(whose: Whose, key: string, ...conditions: FlagCondition[]): Promise<void> {
      const segment = { key, description: '', clauses: [{ conditions }] };
      await flagSegmentChanges.create({ ...by(whose), segment });
    },
    async changeSegment(whose: Whose, segmentKey: string, ...conditions: FlagCondition[]): Promise<void> {
      await flagSegmentChanges.change({ ...by(whose), segmentKey, change: { clauses: [{ conditions }] } });
    },
    /** The app's. */
    version: async ({ id }: Whose): Promise<number> => (await flagStates.find(id))?.version ?? 0,
  };
}

export type FlagEditor = ReturnType<typeof flagEditor>;
