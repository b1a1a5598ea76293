import { hash } from 'node:crypto';
import type { ClientSession, ObjectId } from 'mongodb';
import type { ErrorStore } from '../db/error-store.js';
import type { GroupedError } from '../db/error-tally.js';
import type { FlagSets } from '../db/flag-sets.js';
import { NOBODY } from '../db/ids.js';
import { type EncodedError, pendingErrors, withExceptions } from '../db/pending-error.js';
import type { Releases } from '../db/releases.js';
import { groupingOf } from '../domain/grouping.js';
import { cutText } from '../domain/limits.js';
import { statedExceptions } from '../domain/shown-exceptions.js';
import type { AppSettings } from './app-settings.js';
import type { Symbolicator } from './symbolicate.js';

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

const MOST_FLAGS = 200;
const MOST_FLAG_VALUE = 256;

/** From the bytes of a flush to what its last transaction stores of errors. */
export function errorPipeline({ errorStore, flagSets, releases, symbolicator, settings, now }: ErrorDeps) {
  /** The flags of those profiles whose client did not say. */
  async function flagsOf(appId: ObjectId, pending: readonly EncodedError[]): ReturnType<FlagSets['of']> {
    const silent = pending.filter(({ error }) => error.flags === undefined && !error.profileId.equals(NOBODY));
    return flagSets.of(
      appId,
      silent.map(({ error }) => error.profileId),
    );
  }

  async function grouped(appId: ObjectId, pending: readonly EncodedError[]): Promise<GroupedError[]> {
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
        flags: asTexts(flags.get(error.profileId.toHexString()) ?? {}),
        fingerprint: hash('sha256', JSON.stringify([version, by, ...components]), 'hex'),
        grouping: { version, by, components },
        title,
        culprit,
      };
      // What a source map tells is stored; else the document stays as it came, byte for byte.
      const encoded = exceptions === stated ? { error, bytes } : withExceptions(error, exceptions);
      result.push({ ...encoded, ...grouped });
    }
    return result;
  }

  /** That profiles ran these releases; known ones cost nothing. */
  async function noteReleases(appId: ObjectId, pending: readonly EncodedError[]): Promise<void> {
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
      const byApp = new Map<string, EncodedError[]>();
      for (const pending of pendingErrors(bytes)) {
        const hex = pending.error.appId.toHexString();
        const known = byApp.get(hex);
        if (known) known.push(pending);
        else byApp.set(hex, [pending]);
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

    /** Inside the last transaction of their flushes. How many alerts it gave rise to. */
    async store(prepared: readonly PreparedErrors[], session: ClientSession): Promise<number> {
      const byApp = new Map<string, { appId: ObjectId; errors: GroupedError[] }>();
      for (const { appId, errors } of prepared) {
        const known = byApp.get(appId.toHexString());
        if (known) known.errors.push(...errors);
        else byApp.set(appId.toHexString(), { appId, errors: [...errors] });
      }
      let alerts = 0;
      for (const { appId, errors } of byApp.values()) {
        const { errors: config } = await settings(appId);
        alerts += await errorStore.store({ appId, errors, config, now: new Date(now()) }, session);
      }
      return alerts;
    },
  };
}

export type ErrorPipeline = ReturnType<typeof errorPipeline>;

function asTexts(flags: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(flags).slice(0, MOST_FLAGS);
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      cutText(typeof value === 'string' ? value : JSON.stringify(value), MOST_FLAG_VALUE),
    ]),
  );
}
