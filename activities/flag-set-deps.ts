import type { Db, MongoClient } from 'mongodb';
import { flagDefinitions } from '../db/flag-definitions.js';
import { flagPasses } from '../db/flag-passes.js';
import { flagProfiles } from '../db/flag-profiles.js';
import { flagSetFences } from '../db/flag-set-fences.js';
import { flagSets } from '../db/flag-sets.js';
import { flagSetWrites } from '../db/flag-set-writes.js';
import { flagStates } from '../db/flag-states.js';
import type { DriftDeps } from './flag-drift.js';
import type { FlagSetDeps } from './flag-sets.js';

interface World extends Pick<FlagSetDeps, 'wakeFlagSets'> {
  readonly client: MongoClient;
  readonly db: Db;
}

/** All that keeping sets true needs, over one database. */
export const flagSetDeps = ({ client, db, wakeFlagSets }: World): FlagSetDeps & DriftDeps => ({
  flagStates: flagStates(db),
  flagPasses: flagPasses(db),
  flagDefinitions: flagDefinitions(client, db),
  flagProfiles: flagProfiles(client, db),
  flagSetFences: flagSetFences(db),
  flagSets: flagSets(db),
  flagSetWrites: flagSetWrites(client, db),
  wakeFlagSets,
});
