import type { Client } from '@temporalio/client';
import type { FastifyBaseLogger, FastifyPluginAsync } from 'fastify';
import type { Db, MongoClient } from 'mongodb';
import { flagDefinitions } from '../db/flag-definitions.js';
import { flagRollouts } from '../db/flag-rollouts.js';
import { flagSetReads } from '../db/flag-set-reads.js';
import { watchFlagStates } from '../db/flag-state-stream.js';
import { flagStates } from '../db/flag-states.js';
import { rolloutProfiles } from '../db/rollout-profiles.js';
import type { AppKeyAuth } from './auth.js';
import { flagAnswers } from './flags/answers.js';
import { exposures } from './flags/exposures.js';
import { flagFollower } from './flags/follower.js';
import { givenAttributes } from './flags/given-attributes.js';
import { rolloutWatch } from './flags/rollout-watch.js';
import { served } from './flags/served.js';
import { flagServing } from './flags/serving.js';
import { flagStreams } from './flags/streams.js';
import { flagUsage } from './flags/usage.js';
import type { WriteBack } from './flags/write-back.js';
import type { GroupCommit } from './ingest/group-commit.js';
import type { Intake } from './ingest/intake.js';
import type { People } from './ingest/people.js';
import type { DailyQuota } from './ingest/quota.js';
import type { SpoolGate } from './ingest/spool-gate.js';
import type { CacheSizes } from './memory.js';
import { flagSetRoutes } from './routes/flag-sets.js';
import { flagStreamRoutes } from './routes/flag-stream.js';
import { ofrepRoutes } from './routes/ofrep.js';
import { postHogFlagRoutes } from './routes/posthog-flags.js';
import type { Senders } from './senders.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  readonly log: FastifyBaseLogger;
  readonly auth: AppKeyAuth;
  readonly senders: Senders;
  readonly intake: Intake;
  readonly commit: GroupCommit;
  readonly people: People;
  readonly quota: DailyQuota;
  readonly gate: SpoolGate;
  readonly writeBack: WriteBack;
  readonly secretKey: string;
  readonly publicUrl: string | undefined;
  readonly now: () => number;
}

/** What clients ask of flags: all routes that take an app key, and what stands behind them. */
export function flagSide(deps: Deps) {
  const { client, db, temporal, log, auth, senders, intake, people, writeBack, now } = deps;
  const follower = flagFollower({
    definitions: flagDefinitions(client, db),
    states: flagStates(db),
    watch: () => watchFlagStates(db),
    log,
  });
  const usage = flagUsage({ temporal, log, now });
  const exposed = exposures({ commit: deps.commit, people, quota: deps.quota, gate: deps.gate, log, now });
  const reads = flagSetReads(db);
  const watch = rolloutWatch({
    flagRollouts: flagRollouts(db),
    reads,
    rolloutProfiles: rolloutProfiles(db),
    profileIdOf: ({ id }, externalId) => people.find(id, id.toHexString(), externalId).profileId,
    log,
    now,
  });
  const given = givenAttributes({ intake, people, now, log });
  const serving = flagServing({
    answers: flagAnswers({ follower, reads, people, writeBack }),
    noteServed: served({ usage, exposures: exposed }),
    rolloutWatch: watch,
    storeGiven: given.store,
    secretKey: deps.secretKey,
    now,
  });
  const streams = flagStreams({ follower, log });

  const routes: FastifyPluginAsync = async (app) => {
    await app.register(ofrepRoutes({ senders, serving, publicUrl: deps.publicUrl }));
    await app.register(flagSetRoutes({ senders, serving, people, now }));
    await app.register(flagStreamRoutes({ auth, senders, streams }));
    await app.register(postHogFlagRoutes({ senders, serving }));
  };

  const caches: CacheSizes = {
    flagDefinitions: follower.bytes,
    flagUsage: usage.bytes,
    givenAttributes: given.bytes,
    exposures: exposed.bytes,
    exposuresWaiting: exposed.waitingBytes,
    rolloutProfiles: watch.bytes,
    rolloutProfilesWaiting: watch.waitingBytes,
  };

  return {
    routes,
    caches,
    /** Once the last request is answered, and while what is stored by ingest still can be. */
    async close(): Promise<void> {
      await follower.close();
      await exposed.drain();
      await usage.stop();
      await watch.stop();
    },
  };
}
