import type { Db, MongoClient } from 'mongodb';
import { flagDefinitions } from '../db/flag-definitions.js';
import { flagPreviews } from '../db/flag-previews.js';
import { flagProfiles } from '../db/flag-profiles.js';
import { flagStale } from '../db/flag-stale.js';
import { flagUsage } from '../db/flag-usage.js';
import type { PreviewDeps } from './flag-previews.js';
import type { StaleDeps } from './flag-stale.js';
import type { FlagUsageDeps } from './flag-usage.js';

/** What happens around a flag before it is saved and while it lives, over one database. */
export function flagLifeDeps({ client, db }: { readonly client: MongoClient; readonly db: Db }) {
  return {
    flagDefinitions: flagDefinitions(client, db),
    flagPreviews: flagPreviews(db),
    flagProfiles: flagProfiles(client, db),
    flagStale: flagStale(db),
    flagUsage: flagUsage(client, db),
  } satisfies PreviewDeps & FlagUsageDeps & Omit<StaleDeps, 'alerts'>;
}
