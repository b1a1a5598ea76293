import type { Db, MongoClient } from 'mongodb';
import { audited, auditLog } from '../db/audit.js';
import { flagChanges } from '../db/flag-changes.js';
import { flagCommit } from '../db/flag-commit.js';
import { flagDefinitions } from '../db/flag-definitions.js';
import { flagImport } from '../db/flag-import.js';
import { flagMaking } from '../db/flag-making.js';
import { flagPreviews } from '../db/flag-previews.js';
import { flagProfiles } from '../db/flag-profiles.js';
import { flagRequests } from '../db/flag-requests.js';
import { flagRevisions } from '../db/flag-revisions.js';
import { flagSegmentChanges } from '../db/flag-segment-changes.js';
import { flagStale } from '../db/flag-stale.js';
import { flagStates } from '../db/flag-states.js';
import { flagUsage } from '../db/flag-usage.js';
import { flags } from '../db/flags.js';
import { members } from '../db/members.js';
import { segments } from '../db/segments.js';
import { quietly } from '../domain/guarded.js';
import type { PreviewDeps } from './flag-previews.js';
import type { FlagRequestDeps } from './flag-requests.js';
import type { FlagSetDeps } from './flag-sets.js';
import type { StaleDeps } from './flag-stale.js';
import type { FlagUsageDeps } from './flag-usage.js';

interface World extends Pick<FlagSetDeps, 'wakeFlagSets'> {
  readonly client: MongoClient;
  readonly db: Db;
}

/** What happens around a flag before it is saved and while it lives, over one database. */
export function flagLifeDeps({ client, db, wakeFlagSets }: World) {
  const stores = {
    db,
    audited: audited(client, auditLog(db)),
    members: members(db),
    flags: flags(db),
    flagStates: flagStates(db),
    flagRevisions: flagRevisions(db),
    segments: segments(db),
  };
  const commit = flagCommit({
    ...stores,
    onChanged: (appId, app) => {
      // One that is lost is found by the schedule.
      void quietly(
        () => wakeFlagSets(appId.toHexString(), app),
        () => undefined,
      );
    },
  });
  const changing = { ...stores, commit };
  return {
    flagDefinitions: flagDefinitions(client, db),
    flagPreviews: flagPreviews(db),
    flagProfiles: flagProfiles(client, db),
    flagRequests: flagRequests(stores),
    makeFlagChange: flagMaking({
      flagChanges: flagChanges(changing),
      flagSegmentChanges: flagSegmentChanges(changing),
      importFlags: flagImport(changing),
    }),
    flagStale: flagStale(db),
    flagUsage: flagUsage(client, db),
  } satisfies PreviewDeps & FlagRequestDeps & FlagUsageDeps & Omit<StaleDeps, 'alerts'>;
}
