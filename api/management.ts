import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Client } from '@temporalio/client';
import type { Db, MongoClient, ObjectId } from 'mongodb';
import { alertChannelChanges } from '../db/alert-channel-changes.js';
import { alertChannels } from '../db/alert-channels.js';
import { alertDeliveries } from '../db/alert-deliveries.js';
import { alertRuleChanges } from '../db/alert-rule-changes.js';
import { alertRules } from '../db/alert-rules.js';
import { alertSecrets } from '../db/alert-secrets.js';
import { appChanges } from '../db/app-changes.js';
import { appKeys } from '../db/app-keys.js';
import { apps } from '../db/apps.js';
import { audited, auditLog } from '../db/audit.js';
import { counters } from '../db/counters.js';
import { drops } from '../db/drops.js';
import { errorGroupReads } from '../db/error-group-reads.js';
import { errorLists } from '../db/error-reads.js';
import { errorMergePreview } from '../db/error-merge-preview.js';
import { flagChanges } from '../db/flag-changes.js';
import { flagCommit } from '../db/flag-commit.js';
import { flagDefinitions } from '../db/flag-definitions.js';
import { flagImport } from '../db/flag-import.js';
import { flagRevisions } from '../db/flag-revisions.js';
import { flagSegmentChanges } from '../db/flag-segment-changes.js';
import { flagStates } from '../db/flag-states.js';
import { flags } from '../db/flags.js';
import { flagRollouts } from '../db/flag-rollouts.js';
import { invitationChanges } from '../db/invitation-changes.js';
import { invitations } from '../db/invitations.js';
import { keyChanges } from '../db/key-changes.js';
import { memberChanges } from '../db/member-changes.js';
import { memberTokens } from '../db/member-tokens.js';
import { members } from '../db/members.js';
import { occurrenceReads } from '../db/occurrence-reads.js';
import { releaseChanges } from '../db/release-changes.js';
import { releaseGroups } from '../db/release-groups.js';
import { sessions } from '../db/release-sessions.js';
import { releases } from '../db/releases.js';
import { retention } from '../db/retention.js';
import { segments } from '../db/segments.js';
import { sourceMapChanges } from '../db/source-map-changes.js';
import { sourceMaps } from '../db/source-maps.js';
import { tokenChanges } from '../db/token-changes.js';
import { guard } from './access.js';
import { memberAuth } from './auth-member.js';
import type { BodyPace } from './body-pace.js';
import { flagLifeRoutes } from './flag-life.js';
import { keyOrMember } from './key-or-member.js';
import type { KnownSecrets } from './known-secrets.js';
import { type AlertAbilities, alertChannelRoutes } from './routes/alert-channels.js';
import { alertDeliveryRoutes } from './routes/alert-deliveries.js';
import { alertRuleRoutes } from './routes/alert-rules.js';
import { appRoutes } from './routes/apps.js';
import { auditRoutes } from './routes/audit.js';
import { dropRoutes } from './routes/drops.js';
import { errorVerbRoutes } from './routes/error-verbs.js';
import { errorRoutes } from './routes/errors.js';
import { flagSegmentRoutes } from './routes/flag-segments.js';
import { flagTransferRoutes } from './routes/flag-transfer.js';
import { flagRoutes } from './routes/flags.js';
import { flagRolloutRoutes } from './routes/flag-rollouts.js';
import { identitySecretRoutes } from './routes/identity-secret.js';
import { instanceMemberRoutes } from './routes/instance-members.js';
import { invitationRoutes } from './routes/invitations.js';
import { keyRoutes } from './routes/keys.js';
import { memberRoutes } from './routes/members.js';
import { releaseRoutes } from './routes/releases.js';
import { sourceMapRoutes } from './routes/source-maps.js';
import { tokenRoutes } from './routes/tokens.js';
import { Problem } from './schema/problem.js';
import type { Senders } from './senders.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
  readonly secretKey: string;
  /** For what server keys may do too. */
  readonly senders: Senders;
  readonly secrets: KnownSecrets;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  /** Told after each change of an app's flags or segments. */
  readonly onFlagsChanged?: (appId: ObjectId, app: string) => void;
  readonly abilities: AlertAbilities;
  readonly pace: BodyPace;
  readonly log?: { debug(facts: object, message: string): void };
}

/** Apps, keys, members, tokens, invitations and the audit log: what is stored of them and what may happen to them. */
export function registry({ client, db }: Pick<Deps, 'client' | 'db'>) {
  const audit = auditLog(db);
  const stores = {
    audit,
    audited: audited(client, audit),
    apps: apps(db),
    appKeys: appKeys(db),
    members: members(db),
    memberTokens: memberTokens(db),
    invitations: invitations(db),
    counters: counters(db),
    retention: retention(db),
    alertChannels: alertChannels(db),
    alertRules: alertRules(db),
    alertDeliveries: alertDeliveries(db),
    releases: releases(db),
    releaseGroups: releaseGroups(db),
    sessions: sessions(db),
    sourceMaps: sourceMaps(db),
    errorLists: errorLists(db),
    errorGroups: errorGroupReads(db),
    errorMergePreview: errorMergePreview(db),
    occurrences: occurrenceReads(db),
    drops: drops(db),
    flags: flags(db),
    flagStates: flagStates(db),
    flagRevisions: flagRevisions(db),
    flagDefinitions: flagDefinitions(client, db),
    segments: segments(db),
  };
  return {
    ...stores,
    appChanges: appChanges(stores),
    keyChanges: keyChanges(stores),
    memberChanges: memberChanges(stores),
    tokenChanges: tokenChanges(stores),
    invitationChanges: invitationChanges(stores),
    alertRuleChanges: alertRuleChanges(stores),
    releaseChanges: releaseChanges(stores),
    sourceMapChanges: sourceMapChanges(stores),
  };
}

/** All routes for people, which take a member token. */
export function managementRoutes(given: Deps): FastifyPluginAsyncTypebox {
  const { client, db, secretKey, senders, secrets, temporal, onFlagsChanged, abilities, pace, log } = given;
  const nouns = registry({ client, db });
  const commit = flagCommit({ ...nouns, onChanged: onFlagsChanged });
  const gate = guard(memberAuth({ ...nouns, secrets, ...(log === undefined ? {} : { log }) }));
  const deps = {
    ...nouns,
    alertChannelChanges: alertChannelChanges({ ...nouns, alertSecrets: alertSecrets(secretKey) }),
    flagChanges: flagChanges({ ...nouns, commit }),
    flagSegmentChanges: flagSegmentChanges({ ...nouns, commit }),
    importFlags: flagImport({ ...nouns, commit }),
    guard: gate,
    secrets,
    keyOrMember: keyOrMember({ guard: gate, senders }),
    secretKey,
    temporal,
    abilities,
    pace,
  };

  return async (app) => {
    // What all of them have in common, said once for the API's description.
    app.addHook('onRoute', (route) => {
      const { response } = route.schema ?? {};
      const answers = typeof response === 'object' && response !== null ? response : {};
      route.schema = { ...route.schema, security: [{ memberToken: [] }], response: { ...answers, '4xx': Problem } };
    });
    await app.register(appRoutes(deps));
    await app.register(keyRoutes(deps));
    await app.register(identitySecretRoutes(deps));
    await app.register(memberRoutes(deps));
    await app.register(invitationRoutes(deps));
    await app.register(instanceMemberRoutes(deps));
    await app.register(tokenRoutes(deps));
    await app.register(alertChannelRoutes(deps));
    await app.register(alertRuleRoutes(deps));
    await app.register(alertDeliveryRoutes(deps));
    await app.register(errorRoutes(deps));
    await app.register(errorVerbRoutes(deps));
    await app.register(dropRoutes(deps));
    await app.register(releaseRoutes(deps));
    await app.register(sourceMapRoutes(deps));
    await app.register(flagRoutes(deps));
    await app.register(flagSegmentRoutes(deps));
    await app.register(flagTransferRoutes(deps));
    await app.register(flagRolloutRoutes({ ...deps, flagRollouts: flagRollouts(db) }));
    await app.register(flagLifeRoutes({ ...deps, client, db }));
    await app.register(auditRoutes(deps));
  };
}
