import { hash } from 'node:crypto';
import type { ClientSession, ObjectId } from 'mongodb';
import type { ErrorStore, StoredErrors } from '../db/error-store.js';
import { factsOf, type GroupedError } from '../db/error-tally.js';
import type { FlagSets } from '../db/flag-sets.js';
import { NOBODY } from '../db/ids.js';
import { type EncodedError, pendingErrors, withExceptions } from '../db/pending-error.js';
import type { Releases } from '../db/releases.js';
import { groupingOf } from '../domain/grouping.js';
import { cutText } from '../domain/limits.js';
import { statedExceptions } from '../domain/shown-exceptions.js';
import type { AppSettings } from './app-settings.js';
import type { Symbolicator } from './symbolicate.js';
import { tried, unlessRefused } from './tries.js';

interface ErrorDeps {
  readonly errorStore: ErrorStore;
  readonly flagSets: FlagSets;
  readonly releases: Pick<Releases, 'seen'>;
  readonly symbolicator: Symbolicator;
  readonly settings: AppSettings;
  readonly now: () => number;
}

/** The occurrences of one app in a flush, ready to be counted. */
export interface PreparedErrors {
  readonly appId: ObjectId;
  readonly errors: readonly GroupedError[];
}

/** @param errorId hex of its `_id` */
type RefuseError = (errorId: string, failure: unknown) => void;

const MOST_FLAGS = 200;
const MOST_FLAG_VALUE = 256;

/** From the bytes of a flush to what its last transaction stores of errors. */
export function errorPipeline({ errorStore, flagSets, releases, symbolicator, settings, now }: ErrorDeps) {
  async function grouped({ error, bytes }: EncodedError): Promise<GroupedError> {
    const stated = statedExceptions(error);
    const exceptions = await symbolicator.symbolicate(error.appId, error.release, stated);
    const { errorType, message, sourceFile, clientFingerprint: fingerprint } = error;
    const found = groupingOf({ errorType, message, sourceFile, exceptions, fingerprint });
    const { version, by, components, title, culprit } = found;
    return {
      error: factsOf(error),
      // What a source map tells is stored; else the document stays as it came, byte for byte.
      bytes: exceptions === stated ? bytes : withExceptions(error, exceptions),
      flags: undefined,
      fingerprint: hash('sha256', JSON.stringify([version, by, ...components]), 'hex'),
      grouping: { version, by, components },
      title,
      culprit,
    };
  }

  /** Gives those whose client did not say the flags of their profiles. */
  async function withFlags(appId: ObjectId, errors: readonly GroupedError[]): Promise<readonly GroupedError[]> {
    const silent = errors.filter(({ error }) => !error.hasFlags);
    if (silent.length === 0) return errors;
    const known = silent.flatMap(({ error: { profileId } }) => (profileId.equals(NOBODY) ? [] : [profileId]));
    const sets = await flagSets.of(appId, known);
    return errors.map((each) => {
      if (each.error.hasFlags) return each;
      return { ...each, flags: asTexts(sets.get(each.error.profileId.toHexString()) ?? {}) };
    });
  }

  /** That profiles ran these releases; known ones cost nothing. Those that are not noted, since there are too many. */
  async function noteReleases(appId: ObjectId, errors: readonly GroupedError[]): Promise<ReadonlySet<string>> {
    const byRelease = new Map<string, Map<string, ObjectId>>();
    for (const { error } of errors) {
      const { release, profileId } = error;
      if (release === '') continue;
      const profiles = byRelease.get(release) ?? new Map<string, ObjectId>();
      byRelease.set(release, profiles);
      if (!profileId.equals(NOBODY)) profiles.set(profileId.toHexString(), profileId);
    }
    const leftOut = new Set<string>();
    if (byRelease.size === 0) return leftOut;
    const { releaseMinProfiles, maxNewReleasesPerDay } = (await settings(appId)).errors;
    for (const [release, profiles] of byRelease) {
      const ids = [...profiles.values()];
      const at = new Date(now());
      if (!(await releases.seen(appId, release, ids, at, releaseMinProfiles, maxNewReleasesPerDay)))
        leftOut.add(release);
    }
    return leftOut;
  }

  return {
    /**
     * Symbolicated and grouped: all that can be done before the transaction.
     * @param refuse told of an occurrence that is at fault, which is left out then; without it the failure is thrown
     */
    async prepare(bytes: Uint8Array, refuse?: RefuseError): Promise<readonly PreparedErrors[]> {
      const byApp = new Map<string, { readonly appId: ObjectId; readonly errors: GroupedError[] }>();
      const attempt: typeof unlessRefusedAgain = refuse ? unlessRefusedAgain : (work) => work();
      // One at a time, so that of the others only bytes are held.
      for (const pending of pendingErrors(bytes)) {
        const { appId, _id } = pending.error;
        const one = await attempt(
          () => grouped(pending),
          (failure) => {
            refuse?.(_id.toHexString(), failure);
            return undefined;
          },
        );
        if (one === undefined) continue;
        const app = byApp.get(appId.toHexString()) ?? { appId, errors: [] };
        byApp.set(appId.toHexString(), app);
        app.errors.push(one);
      }
      const prepared: PreparedErrors[] = [];
      for (const { appId, errors } of byApp.values()) {
        // What is only known beside an occurrence is no reason to refuse it.
        const leftOut = await attempt(
          () => noteReleases(appId, errors),
          () => new Set<string>(),
        );
        const flagged = await attempt(
          () => withFlags(appId, errors),
          () => errors.map((each) => (each.error.hasFlags ? each : { ...each, flags: {} })),
        );
        const isLeftOut = ({ error }: GroupedError) => leftOut.has(error.release);
        prepared.push({
          appId,
          errors: flagged.map((each) => (isLeftOut(each) ? { ...each, releaseLeftOut: true } : each)),
        });
      }
      return prepared;
    },

    /** Inside the last transaction of their flushes. */
    async store(prepared: readonly PreparedErrors[], session: ClientSession): Promise<readonly StoredErrors[]> {
      const byApp = new Map<string, { appId: ObjectId; errors: GroupedError[] }>();
      for (const { appId, errors } of prepared) {
        const known = byApp.get(appId.toHexString());
        if (known) known.errors.push(...errors);
        else byApp.set(appId.toHexString(), { appId, errors: [...errors] });
      }
      const stored: StoredErrors[] = [];
      for (const { appId, errors } of byApp.values()) {
        const { errors: config } = await settings(appId);
        stored.push(await errorStore.store({ appId, errors, config, now: new Date(now()) }, session));
      }
      return stored;
    },

    /** After that transaction. How many alerts it gave rise to. */
    committed(stored: readonly StoredErrors[]): number {
      for (const each of stored) errorStore.committed(each);
      return stored.reduce((sum, { alerts }) => sum + alerts, 0);
    },
  };
}

export type ErrorPipeline = ReturnType<typeof errorPipeline>;

const unlessRefusedAgain = <T, R>(work: () => Promise<T>, otherwise: (failure: unknown) => R): Promise<T | R> =>
  unlessRefused(tried(work, 0), otherwise);

function asTexts(flags: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(flags).slice(0, MOST_FLAGS);
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      cutText(typeof value === 'string' ? value : JSON.stringify(value), MOST_FLAG_VALUE),
    ]),
  );
}
