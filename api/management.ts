import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Client } from '@temporalio/client';
import type { Db, MongoClient } from 'mongodb';
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
import { keyChanges } from '../db/key-changes.js';
import { memberChanges } from '../db/member-changes.js';
import { memberTokens } from '../db/member-tokens.js';
import { members } from '../db/members.js';
import { retention } from '../db/retention.js';
import { tokenChanges } from '../db/token-changes.js';
import { guard } from './access.js';
import { memberAuth } from './auth-member.js';
import { type AlertAbilities, alertChannelRoutes } from './routes/alert-channels.js';
import { alertDeliveryRoutes } from './routes/alert-deliveries.js';
import { alertRuleRoutes } from './routes/alert-rules.js';
import { appRoutes } from './routes/apps.js';
import { auditRoutes } from './routes/audit.js';
import { identitySecretRoutes } from './routes/identity-secret.js';
import { instanceMemberRoutes } from './routes/instance-members.js';
import { keyRoutes } from './routes/keys.js';
import { memberRoutes } from './routes/members.js';
import { tokenRoutes } from './routes/tokens.js';
import { Problem } from './schema/problem.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
  readonly secretKey: string;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  readonly abilities: AlertAbilities;
  readonly log?: { debug(facts: object, message: string): void };
}

/** Apps, keys, members, tokens and the audit log: what is stored of them and what may happen to them. */
export function registry({ client, db }: Pick<Deps, 'client' | 'db'>) {
  const audit = auditLog(db);
  const stores = {
    audit,
    audited: audited(client, audit),
    apps: apps(db),
    appKeys: appKeys(db),
    members: members(db),
    memberTokens: memberTokens(db),
    counters: counters(db),
    retention: retention(db),
    alertChannels: alertChannels(db),
    alertRules: alertRules(db),
    alertDeliveries: alertDeliveries(db),
  };
  return {
    ...stores,
    appChanges: appChanges(stores),
    keyChanges: keyChanges(stores),
    memberChanges: memberChanges(stores),
    tokenChanges: tokenChanges(stores),
    alertRuleChanges: alertRuleChanges(stores),
  };
}

/** All routes for people, which take a member token. */
export function managementRoutes({ client, db, secretKey, temporal, abilities, log }: Deps): FastifyPluginAsyncTypebox {
  const nouns = registry({ client, db });
  const gate = guard(memberAuth({ ...nouns, ...(log === undefined ? {} : { log }) }));
  const deps = {
    ...nouns,
    alertChannelChanges: alertChannelChanges({ ...nouns, alertSecrets: alertSecrets(secretKey) }),
    guard: gate,
    secretKey,
    temporal,
    abilities,
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
    await app.register(instanceMemberRoutes(deps));
    await app.register(tokenRoutes(deps));
    await app.register(alertChannelRoutes(deps));
    await app.register(alertRuleRoutes(deps));
    await app.register(alertDeliveryRoutes(deps));
    await app.register(auditRoutes(deps));
  };
}
