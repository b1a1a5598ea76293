import type { Db } from 'mongodb';
import { alertChannelsSpec } from './alert-channels.js';
import { alertDeliveriesSpec } from './alert-deliveries.js';
import { alertRulesSpec } from './alert-rules.js';
import { alertsSpec } from './alerts.js';
import { appKeysSpec } from './app-keys.js';
import { applyCollection } from './apply-collection.js';
import { appRegistrationsSpec } from './apps.js';
import { auditLogSpec } from './audit.js';
import type { CollectionSpec } from './collection.js';
import { countersSpec } from './counters.js';
import { dropsSpec } from './drops.js';
import { errorActivitySpec } from './error-activity.js';
import { errorGroupDaysSpec } from './error-group-days.js';
import { errorGroupProfilesSpec } from './error-group-profiles.js';
import { errorGroupsSpec } from './error-groups.js';
import { errorsSpec } from './errors.js';
import { eventsSpec } from './events.js';
import { feedbackSpec } from './feedback.js';
import { flagSetFencesSpec } from './flag-set-fences.js';
import { flagPreviewsSpec } from './flag-previews.js';
import { flagRequestsSpec } from './flag-requests.js';
import { flagRevisionsSpec } from './flag-revisions.js';
import { flagRolloutsSpec } from './flag-rollouts.js';
import { flagSetsSpec } from './flag-sets.js';
import { flagStatesSpec } from './flag-states.js';
import { flagReadsSpec, flagUsageFlushesSpec, flagUsageSpec } from './flag-usage.js';
import { flagsSpec } from './flags.js';
import { heatmapEventsSpec } from './heatmap-events.js';
import { invitationsSpec } from './invitations.js';
import { laneFencesSpec } from './lane.js';
import { laneCheckSpec } from './lane-check.js';
import { memberTokensSpec } from './member-tokens.js';
import { membersSpec } from './members.js';
import { profileAliasesSpec, profilesSpec } from './profiles.js';
import { refusedItemsSpec } from './refused-items.js';
import { releaseDaysSpec, releaseSessionsSpec } from './release-sessions.js';
import { releaseProfilesSpec, releasesSpec } from './releases.js';
import { rolloutProfilesSpec } from './rollout-profiles.js';
import { eventRollupsSpec } from './rollups.js';
import { schemaVersions, schemaVersionsSpec } from './schema-versions.js';
import { ingestSpoolSpec } from './spool.js';
import { segmentsSpec } from './segments.js';
import { sourceMapChunksSpec, sourceMapsSpec } from './source-maps.js';
import { themesSpec } from './themes.js';
import { translationConfigSpec } from './translation-config.js';
import { translationsSpec } from './translations.js';
import { FIRST_VERSION, UPGRADES, type Upgrade } from './upgrades.js';
import { dailyUsageSpec } from './usage.js';

/** Every collection there is, as docs/architecture.md lists them. */
const COLLECTIONS: readonly CollectionSpec[] = [
  appRegistrationsSpec,
  appKeysSpec,
  membersSpec,
  memberTokensSpec,
  invitationsSpec,
  auditLogSpec,
  countersSpec,
  ingestSpoolSpec,
  laneFencesSpec,
  laneCheckSpec,
  eventsSpec,
  heatmapEventsSpec,
  eventRollupsSpec,
  dailyUsageSpec,
  profilesSpec,
  profileAliasesSpec,
  errorsSpec,
  errorGroupsSpec,
  errorGroupDaysSpec,
  errorGroupProfilesSpec,
  errorActivitySpec,
  alertsSpec,
  alertRulesSpec,
  alertChannelsSpec,
  alertDeliveriesSpec,
  releasesSpec,
  releaseProfilesSpec,
  releaseSessionsSpec,
  releaseDaysSpec,
  sourceMapsSpec,
  sourceMapChunksSpec,
  dropsSpec,
  refusedItemsSpec,
  flagsSpec,
  flagRevisionsSpec,
  flagStatesSpec,
  segmentsSpec,
  flagSetsSpec,
  flagRolloutsSpec,
  rolloutProfilesSpec,
  flagPreviewsSpec,
  flagRequestsSpec,
  flagUsageSpec,
  flagUsageFlushesSpec,
  flagReadsSpec,
  flagSetFencesSpec,
  translationsSpec,
  translationConfigSpec,
  feedbackSpec,
  themesSpec,
  schemaVersionsSpec,
];

export interface Schema {
  readonly collections: readonly CollectionSpec[];
  readonly upgrades: readonly Upgrade[];
}

export interface SchemaReport {
  readonly version: number;
  /** Titles of the upgrades that ran. */
  readonly upgraded: readonly string[];
  /** What was created or changed, a line each; empty when all was as it should be. */
  readonly changes: readonly string[];
}

/**
 * Brings the database forward to this code: upgrades, collections, validators, indexes. Any number of processes may do
 * so at once; they take turns, and the second finds nothing to do. An index build takes as long as it takes: give it a
 * client whose socket timeout allows for that.
 * @throws Error when the database is ahead of the code, or holds what only a person can put right.
 */
export async function applySchema(
  db: Db,
  { collections, upgrades }: Schema = { collections: COLLECTIONS, upgrades: UPGRADES },
): Promise<SchemaReport> {
  const latest = upgrades.at(-1)?.version ?? FIRST_VERSION;
  const versions = schemaVersions(db);
  await versions.ensure((await isNew(db, collections)) ? latest : FIRST_VERSION);
  const lease = await versions.lease(latest);
  try {
    const pending = upgrades.filter(({ version }) => version > lease.version);
    if (pending.length > 0) await lease.begin(latest);
    for (const { before } of pending) await before?.(db);
    const changes = (await Promise.all(collections.map((spec) => applyCollection(db, spec)))).flat();
    for (const { after } of pending) await after?.(db);
    await lease.finish(latest, pending);
    return { version: latest, upgraded: pending.map(({ title }) => title), changes };
  } finally {
    await lease.release();
  }
}

async function isNew(db: Db, collections: readonly CollectionSpec[]): Promise<boolean> {
  const live = await db
    .listCollections({ name: { $in: collections.map(({ name }) => name) } }, { nameOnly: true })
    .toArray();
  return live.length === 0;
}
