import type { FastifyPluginAsync } from 'fastify';
import type { Client } from '@temporalio/client';
import type { Db, MongoClient } from 'mongodb';
import type { Audited } from '../db/audit.js';
import type { FlagDefinitions } from '../db/flag-definitions.js';
import { flagIntents } from '../db/flag-intents.js';
import { flagPreviews } from '../db/flag-previews.js';
import { flagRequests } from '../db/flag-requests.js';
import type { FlagRevisions } from '../db/flag-revisions.js';
import { flagSetReads } from '../db/flag-set-reads.js';
import { flagStale } from '../db/flag-stale.js';
import type { FlagStates } from '../db/flag-states.js';
import { flagUsage } from '../db/flag-usage.js';
import type { Flags } from '../db/flags.js';
import type { Members } from '../db/members.js';
import type { Segments } from '../db/segments.js';
import type { Guard } from './access.js';
import { flagEvaluateRoutes } from './routes/flag-evaluate.js';
import { flagPreviewRoutes } from './routes/flag-previews.js';
import { flagRequestRoutes } from './routes/flag-requests.js';
import { flagUsageRoutes } from './routes/flag-usage.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
  readonly guard: Guard;
  readonly audited: Audited;
  readonly members: Members;
  readonly flags: Flags;
  readonly flagStates: FlagStates;
  readonly flagRevisions: FlagRevisions;
  readonly flagDefinitions: FlagDefinitions;
  readonly segments: Segments;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
}

/** What members ask of flags before a change is saved, and while flags live. */
export function flagLifeRoutes(given: Deps): FastifyPluginAsync {
  const { client, db } = given;
  const deps = {
    ...given,
    flagIntents: flagIntents(given),
    flagPreviews: flagPreviews(db),
    flagRequests: flagRequests(given),
    flagSetReads: flagSetReads(db),
    flagStale: flagStale(db),
    flagUsage: flagUsage(client, db),
  };
  return async (app) => {
    await app.register(flagEvaluateRoutes(deps));
    await app.register(flagPreviewRoutes(deps));
    await app.register(flagRequestRoutes(deps));
    await app.register(flagUsageRoutes(deps));
  };
}
