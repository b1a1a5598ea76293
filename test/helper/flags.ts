import { ObjectId } from 'mongodb';
import type { Db, MongoClient } from 'mongodb';
import { audited, auditLog } from '../../db/audit.js';
import { flagChanges } from '../../db/flag-changes.js';
import { flagCommit } from '../../db/flag-commit.js';
import type { NewFlag } from '../../db/flag-content.js';
import { flagImport } from '../../db/flag-import.js';
import { flagRevisions } from '../../db/flag-revisions.js';
import { flagSegmentChanges } from '../../db/flag-segment-changes.js';
import { flagStates } from '../../db/flag-states.js';
import { flags } from '../../db/flags.js';
import { segments } from '../../db/segments.js';
import type { FlagRule } from '../../domain/flag.js';

/** All that may happen to flags, over a database. */
export function flagStore(client: MongoClient, db: Db) {
  const told: { appId: ObjectId; app: string }[] = [];
  const stores = {
    audited: audited(client, auditLog(db)),
    flagStates: flagStates(db),
    flags: flags(db),
    segments: segments(db),
    flagRevisions: flagRevisions(db),
  };
  const commit = flagCommit({
    ...stores,
    onChanged: (appId, app) => {
      told.push({ appId, app });
    },
  });
  return {
    ...stores,
    /** Which apps were told of, a line for each change. */
    told,
    flagChanges: flagChanges({ ...stores, commit }),
    flagSegmentChanges: flagSegmentChanges({ ...stores, commit }),
    importFlags: flagImport({ ...stores, commit }),
  };
}

export const newFlag = (key: string, more: Partial<NewFlag> = {}): NewFlag => ({
  key,
  type: 'boolean',
  description: '',
  defaultValue: false,
  enabled: true,
  rules: [],
  owner: null,
  tags: [],
  expiresAt: null,
  valueSchema: null,
  prerequisites: [],
  ...more,
});

export const newRule = (ruleId: string, more: Partial<FlagRule> = {}): FlagRule => ({
  ruleId,
  priority: 1,
  conditions: [],
  value: true,
  rolloutPercentage: 100,
  experimentId: null,
  ...more,
});

/** Somebody of an app of their own. */
export const changer = (app = 'shop') => ({
  actor: { kind: 'member' as const, id: new ObjectId(), name: 'Ada' },
  appId: new ObjectId(),
  app,
});
