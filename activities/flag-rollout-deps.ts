import type { ClientSession, Db, MongoClient } from 'mongodb';
import { alerts } from '../db/alerts.js';
import { apps } from '../db/apps.js';
import { auditLog } from '../db/audit.js';
import { flagRevisions } from '../db/flag-revisions.js';
import { flagRolloutLooks } from '../db/flag-rollout-looks.js';
import { flagRollouts } from '../db/flag-rollouts.js';
import { flagRolloutSteps } from '../db/flag-rollout-steps.js';
import { flagRolloutVerbs } from '../db/flag-rollout-verbs.js';
import { flagStates } from '../db/flag-states.js';
import { flags } from '../db/flags.js';
import { members } from '../db/members.js';
import { rolloutProfiles } from '../db/rollout-profiles.js';
import { rolloutRules } from '../db/rollout-rules.js';
import { spool } from '../db/spool.js';
import type { FlagRolloutDeps } from './flag-rollouts.js';

interface World extends Pick<FlagRolloutDeps, 'onAlerts' | 'wakeFlagSets' | 'wakeRollout'> {
  readonly client: MongoClient;
  readonly db: Db;
}

/** All that rollouts need, over one database. */
export function flagRolloutDeps({ client, db, onAlerts, wakeFlagSets, wakeRollout }: World): FlagRolloutDeps {
  const audit = auditLog(db);
  const stores = {
    db,
    audit,
    apps: apps(db),
    members: members(db),
    alerts: alerts(db),
    spool: spool(db),
    rollouts: flagRollouts(db),
    rolloutProfiles: rolloutProfiles(db),
    rules: rolloutRules({ flags: flags(db), flagStates: flagStates(db), flagRevisions: flagRevisions(db), audit }),
    inTransaction: <T>(work: (session: ClientSession) => Promise<T>): Promise<T> =>
      client.withSession((session) =>
        session.withTransaction(() => work(session), {
          readConcern: { level: 'snapshot' },
          writeConcern: { w: 'majority', journal: true },
        }),
      ),
  };
  return {
    flagRollouts: stores.rollouts,
    flagRolloutSteps: flagRolloutSteps(stores),
    flagRolloutVerbs: flagRolloutVerbs(stores),
    flagRolloutLooks: flagRolloutLooks(stores),
    onAlerts,
    wakeFlagSets,
    wakeRollout,
  };
}
