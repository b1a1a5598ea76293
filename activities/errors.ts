import { hash } from 'node:crypto';
import { BSON, type ClientSession, type Db, type ObjectId } from 'mongodb';
import { asData, bsonDocuments } from '../db/bson-documents.js';
import type { ErrorStore } from '../db/error-store.js';
import type { GroupedError } from '../db/error-tally.js';
import type { PendingError } from '../db/errors.js';
import { type FlagSetDoc, flagSetsSpec } from '../db/flag-sets.js';
import { NOBODY } from '../db/ids.js';
import type { Releases } from '../db/releases.js';
import { groupingOf } from '../domain/grouping.js';
import { cutText } from '../domain/limits.js';
import { statedExceptions } from '../domain/shown-exceptions.js';
import type { AppSettings } from './app-settings.js';
import type { Symbolicator } from './symbolicate.js';

export interface ErrorDeps {
  readonly db: Db;
  readonly errorStore: ErrorStore;
  readonly releases: Pick<Releases, 'seen'>;
  readonly symbolicator: Symbolicator;
  readonly settings: AppSettings;
  readonly now: () => number;
}

/** The occurrences of one app in a flush, ready to be counted. */
interface PreparedErrors {
  readonly appId: ObjectId;
  readonly errors: readonly GroupedError[];
}

/** An occurrence as it waited. */
interface Pending {
  readonly error: PendingError;
  readonly bytes: Uint8Array;
}

const MOST_FLAGS = 200;
const MOST_FLAG_VALUE = 256;

/** From the bytes of a flush to what its last transaction stores of errors. */
export function errorPipeline({ db, errorStore, releases, symbolicator, settings, now }: ErrorDeps) {
  const flagSets = db.collection<FlagSetDoc>(flagSetsSpec.name);

  /** The flags of those profiles whose client did not say. */
  async function flagsOf(
    appId: ObjectId,
    errors: readonly Pending[],
  ): Promise<Map<string, Record<string, string>>> {
    const silent = errors.filter(({ error }) => error.flags === undefined && !error.profileId.equals(NOBODY));
    if (silent.length === 0) return new Map();
    const sets = await flagSets
      .find(
        { appId, profileId: { $in: silent.map(({ error }) => error.profileId) } },
        { projection: { profileId: 1, flags: 1 } },
      )
      .toArray();
    return new Map(sets.map(({ profileId, flags }) => [profileId.toHexString(), asTexts(flags)]));
  }

  async function grouped(appId: ObjectId, pending: readonly Pending[]): Promise<GroupedError[]> {
    const flags = await flagsOf(appId, pending);
    const result: GroupedError[] = [];
    for (const { error, bytes } of pending) {
      const stated = statedExceptions(error);
      const exceptions = await symbolicator.symbolicate(appId, error.release, stated);
      const { version, by, components, title, culprit } = groupingOf({
        ...error,
        exceptions,
        fingerprint: error.clientFingerprint,
      });
      const grouped = {
        flags: flags.get(error.profileId.toHexString()) ?? {},
        fingerprint: hash('sha256', JSON.stringify([version, by, ...components]), 'hex'),
        grouping: { version, by, components },
        title,
        culprit,
      };
      // What a source map tells is stored; else the document stays as it came, byte for byte.
      if (exceptions === stated) result.push({ error, bytes, ...grouped });
      else {
        const symbolicated = { ...asSent(error), exceptions };
        result.push({ error: symbolicated, bytes: BSON.serialize(symbolicated), ...grouped });
      }
    }
    return result;
  }

  /** That profiles ran these releases; known ones cost nothing. */
  async function noteReleases(appId: ObjectId, pending: readonly Pending[]): Promise<void> {
    const byRelease = new Map<string, Map<string, ObjectId>>();
    for (const { release, profileId } of pending.map(({ error }) => error)) {
      if (release === '') continue;
      const profiles = byRelease.get(release) ?? new Map<string, ObjectId>();
      byRelease.set(release, profiles);
      if (!profileId.equals(NOBODY)) profiles.set(profileId.toHexString(), profileId);
    }
    const { releaseMinProfiles } = (await settings(appId)).errors;
    for (const [release, profiles] of byRelease) {
      await releases.seen(appId, release, [...profiles.values()], new Date(now()), releaseMinProfiles);
    }
  }

  return {
    /** Symbolicated and grouped: all that can be done before the transaction. */
    async prepare(bytes: Uint8Array): Promise<readonly PreparedErrors[]> {
      const byApp = new Map<string, Pending[]>();
      for (const document of bsonDocuments(bytes)) {
        const error = BSON.deserialize(document) as PendingError;
        const hex = error.appId.toHexString();
        const known = byApp.get(hex);
        if (known) known.push({ error, bytes: document });
        else byApp.set(hex, [{ error, bytes: document }]);
      }
      const prepared: PreparedErrors[] = [];
      for (const pending of byApp.values()) {
        const appId = pending[0]?.error.appId;
        if (appId === undefined) continue;
        await noteReleases(appId, pending);
        prepared.push({ appId, errors: await grouped(appId, pending) });
      }
      return prepared;
    },

    /** Inside the flush's last transaction. How many alerts it gave rise to. */
    async store(prepared: readonly PreparedErrors[], session: ClientSession): Promise<number> {
      let alerts = 0;
      for (const { appId, errors } of prepared) {
        const { errors: config } = await settings(appId);
        alerts += await errorStore.store({ appId, errors, config, now: new Date(now()) }, session);
      }
      return alerts;
    },
  };
}

export type ErrorPipeline = ReturnType<typeof errorPipeline>;

/** Its maps in a form that the driver writes as what they are. */
const asSent = (error: PendingError): PendingError => ({
  ...error,
  tags: asData(error.tags),
  breadcrumbs: error.breadcrumbs.map((breadcrumb) => ({ ...breadcrumb, data: asData(breadcrumb.data) })),
  ...(error.flags && { flags: asData(error.flags) }),
});

function asTexts(flags: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(flags).slice(0, MOST_FLAGS);
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      cutText(typeof value === 'string' ? value : JSON.stringify(value), MOST_FLAG_VALUE),
    ]),
  );
}
