import { ObjectId } from 'mongodb';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../domain/app.js';
import { PlatformError } from '../domain/errors.js';
import type { AppKeyDoc, AppKeys } from './app-keys.js';
import { type App, type Apps, toApp } from './apps.js';
import type { Actor, Audited } from './audit.js';
import type { Counters } from './counters.js';
import { keyFacts, newKeyDoc } from './key-changes.js';
import type { NewSecret } from './new-secret.js';
import type { Retention } from './retention.js';

interface Deps {
  readonly audited: Audited;
  readonly apps: Apps;
  readonly appKeys: AppKeys;
  readonly counters: Counters;
  readonly retention: Pick<Retention, 'raiseBounds'>;
}

export interface Registration {
  readonly actor: Actor;
  /** Who it counts as registered by; the seed's `ownerProfileId`. */
  readonly ownerId: ObjectId;
  readonly appId: string;
  readonly name: string;
  readonly config?: PartialConfig | undefined;
  /** The first client key: an app without one could do nothing. */
  readonly clientKey: NewSecret;
}

/** Lists are given as a whole; of everything else, each part is changed by itself. */
type Partly<T> = {
  readonly [K in keyof T]?:
    (T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? Partly<T[K]> : T[K]) | undefined;
};
type PartialConfig = Partly<AppConfig>;

interface AppEdit {
  readonly actor: Actor;
  readonly appId: string;
  readonly name?: string | undefined;
  readonly config?: PartialConfig | undefined;
}

interface IdentityRotation {
  readonly actor: Actor;
  readonly appId: string;
  /** Until when the secret before still holds. */
  readonly previousUntil: Date;
}

const appFacts = ({ appId, name, config }: App) => ({ appId, name, config });

function merged<T extends object>(config: T, change: Partly<T> | undefined): T {
  const changes = new Map(Object.entries<unknown>(change ?? {}));
  const entries = Object.entries(config).map(([name, before]: [string, unknown]) => {
    const after = changes.get(name);
    if (isGroup(before) && isGroup(after)) return [name, merged(before, after)];
    return [name, after ?? before];
  });
  return Object.fromEntries(entries) as T;
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What may happen to an app, each with its audit entry. */
export function appChanges({ audited, apps, appKeys, counters, retention }: Deps) {
  /**
   * The collections' own bound goes up before an app may keep longer, and is looked at again when the app does:
   * a sweep in between may have lowered it to what it then saw.
   */
  async function withinBounds<T>(config: PartialConfig | undefined, change: () => Promise<T>): Promise<T> {
    const wanted = {
      events: config?.eventRetentionDays ?? 0,
      heatmapEvents: config?.heatmapRetentionDays ?? 0,
    };
    await retention.raiseBounds(wanted);
    const result = await change();
    await retention.raiseBounds(wanted);
    return result;
  }

  return {
    /** @throws CONFLICT when the app id is taken. */
    register(input: Registration): Promise<{ readonly app: App; readonly key: AppKeyDoc }> {
      const { actor, ownerId, appId, name, clientKey } = input;
      const config = merged(DEFAULT_APP_CONFIG, input.config);
      return withinBounds(config, () =>
        audited(async (session) => {
          const createdAt = new Date();
          const app = {
            _id: new ObjectId(),
            appId,
            name,
            ownerProfileId: ownerId,
            apiKey: clientKey.hash,
            apiKeyPrefix: clientKey.prefix,
            config,
            createdAt,
            dsnId: await counters.next(session, 'dsnId'),
            identity: { version: 1, previousUntil: null },
            membersRev: 0,
          };
          const key = newKeyDoc({
            appId: app._id,
            kind: 'client',
            name: 'First client key',
            secret: clientKey,
            createdAt,
          });
          await apps.insert(session, app);
          await appKeys.insert(session, key);
          const after = { ...appFacts(toApp(app)), firstKey: keyFacts(key) };
          const target = { kind: 'app', id: app._id };
          return {
            result: { app: toApp(app), key },
            entry: { appId: app._id, actor, action: 'app.registered', target, before: null, after },
          };
        }),
      );
    },

    /** @throws NOT_FOUND */
    change({ actor, appId, name, config }: AppEdit): Promise<App> {
      return withinBounds(config, () =>
        audited(async (session) => {
          const before = await found(apps.findBySlug(appId, session), appId);
          const after: App = { ...before, name: name ?? before.name, config: merged(before.config, config) };
          if (JSON.stringify(appFacts(after)) === JSON.stringify(appFacts(before))) return { result: before };
          await apps.change(session, before.id, { name: after.name, config: after.config });
          const target = { kind: 'app', id: before.id };
          const facts = { before: appFacts(before), after: appFacts(after) };
          return { result: after, entry: { appId: before.id, actor, action: 'app.changed', target, ...facts } };
        }),
      );
    },

    /** @throws NOT_FOUND */
    rotateIdentity({ actor, appId, previousUntil }: IdentityRotation): Promise<App> {
      return audited(async (session) => {
        const before = await found(apps.findBySlug(appId, session), appId);
        const identity = { version: before.identity.version + 1, previousUntil };
        await apps.change(session, before.id, { identity });
        const target = { kind: 'identity-secret', id: before.id };
        const facts = { before: { ...before.identity }, after: identity };
        return {
          result: { ...before, identity },
          entry: { appId: before.id, actor, action: 'identity-secret.rotated', target, ...facts },
        };
      });
    },
  };
}

async function found(app: Promise<App | undefined>, appId: string): Promise<App> {
  const it = await app;
  if (it === undefined) throw new PlatformError('NOT_FOUND', `no app ${appId}`);
  return it;
}

export type AppChanges = ReturnType<typeof appChanges>;
