import type { ClientSession, Db, ObjectId } from 'mongodb';
import {
  type AppConfig,
  DEFAULT_APP_CONFIG,
  type ErrorConfig,
  type FilterConfig,
  type FlagConfig,
  type ScrubConfig,
} from '../domain/app.js';
import { PlatformError } from '../domain/errors.js';
import type { CollectionSpec } from './collection.js';
import { isDuplicateKey } from './duplicate-key.js';
import { arrayOf, boolean, date, documentOf, nullable, number, objectId, optional, string } from './json-schema.js';

export interface AppDoc {
  readonly _id: ObjectId;
  /** The public slug. Elsewhere `appId` is this document's `_id`. */
  readonly appId: string;
  readonly name: string;
  /** The member who registered the app; the seed's name for it. */
  readonly ownerProfileId: ObjectId;
  /** Hash and prefix of the newest client key, as the seed has them; keys are looked up in `app_keys`. */
  readonly apiKey: string;
  readonly apiKeyPrefix: string;
  readonly config: StoredConfig;
  readonly createdAt: Date;
  /** What a Sentry DSN carries as its project. */
  readonly dsnId: number;
  /** The identity secret is derived from this version; the one before still holds until `previousUntil`. */
  readonly identity: IdentityState;
  /** Raised by each change of this app's members, so that two of them cannot both remove "the other" owner. */
  readonly membersRev: number;
}

/** Of an app that was registered before there was a setting, that setting is the default. */
type StoredConfig = Omit<AppConfig, 'maxSessionsPerDay' | 'maxFeedbackPerDay' | 'errors' | 'flags'> & {
  readonly maxSessionsPerDay?: number;
  readonly maxFeedbackPerDay?: number;
  readonly errors?: Omit<ErrorConfig, 'maxNewReleasesPerDay'> & { readonly maxNewReleasesPerDay?: number };
  readonly flags?: FlagConfig;
};

export interface IdentityState {
  readonly version: number;
  readonly previousUntil: Date | null;
}

/** An app as everybody but this file knows it. */
export interface App {
  /** `app_registrations._id`, the `appId` of every other collection. */
  readonly id: ObjectId;
  /** The public slug. */
  readonly appId: string;
  readonly name: string;
  readonly dsnId: number;
  readonly config: AppConfig;
  readonly identity: IdentityState;
  readonly createdAt: Date;
}

export interface AppChange {
  readonly name?: string | undefined;
  readonly config?: AppConfig | undefined;
  readonly identity?: IdentityState | undefined;
}

const errorConfig = documentOf<NonNullable<StoredConfig['errors']>>({
  maxErrorsPerDay: number,
  maxNewReleasesPerDay: optional(number),
  retentionDays: number,
  maxStoredPerGroup: number,
  releaseMinProfiles: number,
  proofOfFixSessions: number,
  reminderHours: number,
  autoResolveDays: number,
  scrub: documentOf<ScrubConfig>({
    emails: boolean,
    ips: boolean,
    keys: arrayOf(string),
    patterns: arrayOf(string),
  }),
  filters: documentOf<FilterConfig>({
    browserExtensions: boolean,
    localhost: boolean,
    releases: arrayOf(string),
    messages: arrayOf(string),
  }),
});

const flagConfig = documentOf<FlagConfig>({ storeGivenAttributes: boolean, approval: boolean, staleAfterDays: number });

export const appRegistrationsSpec: CollectionSpec = {
  name: 'app_registrations',
  indexes: [
    { key: { appId: 1 }, name: 'by_app_id', unique: true },
    { key: { dsnId: 1 }, name: 'by_dsn_id', unique: true },
  ],
  jsonSchema: documentOf<AppDoc>({
    _id: objectId,
    appId: string,
    name: string,
    ownerProfileId: objectId,
    apiKey: string,
    apiKeyPrefix: string,
    config: documentOf<StoredConfig>({
      eventRetentionDays: number,
      heatmapRetentionDays: number,
      maxEventsPerDay: number,
      maxSessionsPerDay: optional(number),
      maxFeedbackPerDay: optional(number),
      identityProof: boolean,
      errors: optional(errorConfig),
      flags: optional(flagConfig),
    }),
    createdAt: date,
    dsnId: number,
    identity: documentOf<IdentityState>({ version: number, previousUntil: nullable(date) }),
    membersRev: number,
  }),
};

export function toApp({ _id, appId, name, dsnId, config, identity, createdAt }: AppDoc): App {
  const errors = { ...DEFAULT_APP_CONFIG.errors, ...config.errors };
  const flags = { ...DEFAULT_APP_CONFIG.flags, ...config.flags };
  return {
    id: _id,
    appId,
    name,
    dsnId,
    config: { ...DEFAULT_APP_CONFIG, ...config, errors, flags },
    identity,
    createdAt,
  };
}

export function apps(db: Db) {
  const collection = db.collection<AppDoc>(appRegistrationsSpec.name);

  return {
    /** Once per slug. @throws CONFLICT when the slug is taken. */
    async insert(session: ClientSession, doc: AppDoc): Promise<App> {
      try {
        await collection.insertOne(doc, { session });
      } catch (error) {
        if (isDuplicateKey(error, 'appId')) throw new PlatformError('CONFLICT', `the app id ${doc.appId} is taken`);
        throw error;
      }
      return toApp(doc);
    },

    async findBySlug(appId: string, session?: ClientSession): Promise<App | undefined> {
      const doc = await collection.findOne({ appId }, session === undefined ? {} : { session });
      return doc === null ? undefined : toApp(doc);
    },

    /** Slugs by hex `_id`, for showing what other documents refer to. */
    async slugs(ids: readonly ObjectId[]): Promise<ReadonlyMap<string, string>> {
      const docs = await collection.find({ _id: { $in: [...ids] } }, { projection: { appId: 1 } }).toArray();
      return new Map(docs.map(({ _id, appId }) => [_id.toHexString(), appId]));
    },

    /** The next `limit` apps by `_id`, newest first; with `ids`, only those. */
    async page({ ids, before, limit }: AppPage): Promise<App[]> {
      const range = {
        ...(ids === undefined ? {} : { $in: [...ids] }),
        ...(before === undefined ? {} : { $lt: before }),
      };
      const filter = Object.keys(range).length === 0 ? {} : { _id: range };
      return (await collection.find(filter).sort({ _id: -1 }).limit(limit).toArray()).map(toApp);
    },

    /** Setting the same twice changes nothing. */
    async change(session: ClientSession, id: ObjectId, change: AppChange): Promise<void> {
      const $set = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
      await collection.updateOne({ _id: id }, { $set }, { session });
    },

    /** Keeps the seed's two key fields equal to the newest client key. */
    async mirrorClientKey(session: ClientSession, id: ObjectId, apiKey: string, apiKeyPrefix: string): Promise<void> {
      await collection.updateOne({ _id: id }, { $set: { apiKey, apiKeyPrefix } }, { session });
    },

    /** Makes this transaction conflict with every other one that changes this app's members. */
    async lockMembers(session: ClientSession, id: ObjectId): Promise<void> {
      await collection.updateOne({ _id: id }, { $inc: { membersRev: 1 } }, { session });
    },
  };
}

export interface AppPage {
  readonly ids?: readonly ObjectId[] | undefined;
  readonly before?: ObjectId | undefined;
  readonly limit: number;
}

export type Apps = ReturnType<typeof apps>;
