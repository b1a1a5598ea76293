import type { Db, MongoClient } from 'mongodb';
import { apps } from '../db/apps.js';
import { drops } from '../db/drops.js';
import { errorStore } from '../db/error-store.js';
import { feedback } from '../db/feedback.js';
import { flagRollouts } from '../db/flag-rollouts.js';
import { flagSets } from '../db/flag-sets.js';
import type { Lanes } from '../db/lane.js';
import { profiles } from '../db/profiles.js';
import { refusedItems } from '../db/refused-items.js';
import { sessions } from '../db/release-sessions.js';
import { releases } from '../db/releases.js';
import { replayRefused } from '../db/replay-refused.js';
import { retention } from '../db/retention.js';
import { rolloutProfiles } from '../db/rollout-profiles.js';
import { rollups } from '../db/rollups.js';
import { spool } from '../db/spool.js';
import { appSettings } from './app-settings.js';
import type { BatchDeps } from './batches.js';
import { errorPipeline } from './errors.js';
import type { RetentionDeps } from './retention.js';
import { rolloutMarks } from './rollout-marks.js';
import { symbolicator } from './symbolicate.js';
import type { WaitingFlushDeps } from './waiting-flushes.js';

type Deps = BatchDeps & RetentionDeps & Pick<WaitingFlushDeps, 'replayRefused'>;

interface World {
  readonly client: MongoClient;
  readonly db: Db;
  readonly lanes: Lanes;
  readonly onAlerts: () => void;
  readonly now?: () => number;
}

const PAUSE_MS = 200;

/** All that storing flushes needs, over one database. */
export function batchDeps({ client, db, lanes, onAlerts, now = Date.now }: World): Deps {
  const known = releases(db);
  const [spooled, refused] = [spool(db), refusedItems(db)];
  return {
    client,
    db,
    spool: spooled,
    lanes,
    rollups: rollups(db),
    profiles: profiles(db),
    retention: retention(db),
    errors: errorPipeline({
      flagSets: flagSets(db),
      errorStore: errorStore({ db, releases: known }),
      releases: known,
      symbolicator: symbolicator({ db }),
      settings: appSettings(apps(db)),
      now,
    }),
    rolloutMarks: rolloutMarks({ flagRollouts: flagRollouts(db), rolloutProfiles: rolloutProfiles(db), now }),
    sessions: sessions(db),
    feedback: feedback(db),
    drops: drops(db),
    refusedItems: refused,
    replayRefused: replayRefused({ client, spool: spooled, refusedItems: refused }),
    pauseMs: PAUSE_MS,
    onAlerts,
    now,
  };
}
