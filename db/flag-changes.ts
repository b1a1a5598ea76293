import { type ClientSession, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { FLAG_LIMITS } from '../domain/flag-limits.js';
import type { ChangedBy, FlagCommit, Making } from './flag-commit.js';
import { contentOf, type FlagContent, faultsOf, type NewFlag, type OtherThings, othersOf } from './flag-content.js';
import { mustBeVersion, mustHaveNone, some } from './flag-refusals.js';
import type { FlagRevisions } from './flag-revisions.js';
import type { FlagDoc, Flags } from './flags.js';
import type { Segments } from './segments.js';

interface Deps {
  readonly commit: FlagCommit;
  readonly flags: Flags;
  readonly segments: Pick<Segments, 'keys'>;
  readonly flagRevisions: Pick<FlagRevisions, 'find'>;
}

interface FlagTarget extends ChangedBy {
  readonly flagKey: string;
  /** The flag's version that this is a change of; with any other it is refused. */
  readonly ifVersion?: number | undefined;
}

interface FlagCreation extends ChangedBy {
  readonly flag: NewFlag;
}

interface FlagEdit extends FlagTarget {
  readonly change: { readonly [K in keyof FlagContent]?: FlagContent[K] | undefined };
}

interface FlagReversion extends FlagTarget {
  readonly version: number;
}

/** Beside those that are in use: keys are not used again, so that answers and histories stay apart. */
const MOST_ARCHIVED = 10_000;

export const newFlagDoc = (flag: NewFlag, { actor, appId }: ChangedBy, at: Date): FlagDoc => {
  if (actor.id === null) throw new Error('a flag is made by somebody');
  const times = { createdAt: at, updatedAt: at, createdBy: actor.id };
  return { _id: new ObjectId(), appId, ...flag, ...times, version: 1, killedAt: null, archivedAt: null };
};

export const ofDoc = (doc: FlagDoc): NewFlag => ({ key: doc.key, type: doc.type, ...contentOf(doc) });

/** What may happen to a flag, each with a version, a revision and an audit entry; what changes nothing has none. */
export function flagChanges({ commit, flags, segments, flagRevisions }: Deps) {
  const others = async (session: ClientSession, appId: ObjectId): Promise<OtherThings> =>
    othersOf(await flags.links(session, appId), await segments.keys(session, appId));

  async function mustHaveRoom(session: ClientSession, appId: ObjectId): Promise<void> {
    const { length } = await flags.links(session, appId);
    if (length >= FLAG_LIMITS.flags) {
      throw new PlatformError('CONFLICT', `an app has at most ${String(FLAG_LIMITS.flags)} flags; archive some`);
    }
  }

  /** @throws NOT_FOUND, PRECONDITION_FAILED, or CONFLICT for one that is archived. */
  const edit = (
    input: FlagTarget,
    action: string,
    next: (before: FlagDoc, making: Making) => Promise<FlagDoc> | FlagDoc,
  ) =>
    commit(input, async (making) => {
      const before = mustBe(await flags.find(input.appId, input.flagKey, making.session), input);
      mustBeInUse(before);
      return making.flag(action, before, await next(before, making));
    });

  return {
    /** @throws CONFLICT when the key is taken, by an archived flag too; REQUEST_INVALID */
    create: (input: FlagCreation): Promise<FlagDoc> =>
      commit(input, async (making) => {
        const { session, at } = making;
        const { appId, flag } = input;
        const same = await flags.find(appId, flag.key, session);
        if (same !== undefined) {
          const how = (same.archivedAt ?? null) === null ? 'is there already' : 'is archived; restore it instead';
          throw new PlatformError('CONFLICT', `a flag ${flag.key} ${how}`);
        }
        await mustHaveRoom(session, appId);
        mustHaveNone(faultsOf(flag, await others(session, appId)));
        return making.flag('flag.created', undefined, newFlagDoc(flag, input, at));
      }),

    /** Each part by itself, lists as a whole. @throws NOT_FOUND, PRECONDITION_FAILED, CONFLICT, REQUEST_INVALID */
    change: (input: FlagEdit): Promise<FlagDoc> =>
      edit(input, 'flag.changed', async (before, { session }) => {
        const given = Object.fromEntries(Object.entries(input.change).filter(([, value]) => value !== undefined));
        const after = { ...before, ...given };
        mustHaveNone(faultsOf(ofDoc(after), await others(session, input.appId)));
        return after;
      }),

    /**
     * To what it was at that version. A kill switch that was put on since stays on.
     * @throws NOT_FOUND, PRECONDITION_FAILED, or CONFLICT when that cannot be any more
     */
    revert: (input: FlagReversion): Promise<FlagDoc> =>
      edit(input, 'flag.reverted', async (before, { session }) => {
        const { appId, flagKey, version } = input;
        const isFirst = before.version === undefined && version === 1;
        const revision = isFirst ? { flag: before } : await flagRevisions.find(appId, flagKey, version, session);
        if (revision === undefined) {
          throw new PlatformError('NOT_FOUND', `the flag ${flagKey} never had version ${String(version)}`);
        }
        const after = { ...before, ...contentOf(revision.flag) };
        mustHaveNone(faultsOf(ofDoc(after), await others(session, appId)), 'CONFLICT');
        return after;
      }),

    /** Off at once, whatever its rules say, until it is revived. @throws NOT_FOUND, PRECONDITION_FAILED, CONFLICT */
    kill: (input: FlagTarget): Promise<FlagDoc> =>
      edit(input, 'flag.killed', (before, { at }) => ({ ...before, killedAt: before.killedAt ?? at })),

    /** @throws NOT_FOUND, PRECONDITION_FAILED, CONFLICT */
    revive: (input: FlagTarget): Promise<FlagDoc> =>
      edit(input, 'flag.revived', (before) => ({ ...before, killedAt: null })),

    /** @throws NOT_FOUND, PRECONDITION_FAILED, or CONFLICT while it is a prerequisite. */
    archive: (input: FlagTarget): Promise<FlagDoc> =>
      commit(input, async (making) => {
        const { session, at } = making;
        const { appId, flagKey } = input;
        const before = mustBe(await flags.find(appId, flagKey, session), input);
        const links = await flags.links(session, appId);
        const dependents = links.filter(({ prerequisites = [] }) =>
          prerequisites.some((one) => one.flagKey === flagKey),
        );
        if (dependents.length > 0) {
          const which = some(dependents.map(({ key }) => key));
          throw new PlatformError('CONFLICT', `the flag ${flagKey} is a prerequisite of ${which}`);
        }
        if ((await flags.countArchived(session, appId)) >= MOST_ARCHIVED) {
          throw new PlatformError('CONFLICT', `an app has at most ${String(MOST_ARCHIVED)} archived flags`);
        }
        return making.flag('flag.archived', before, { ...before, archivedAt: before.archivedAt ?? at });
      }),

    /** @throws NOT_FOUND, PRECONDITION_FAILED, or CONFLICT when it cannot be any more. */
    restore: (input: FlagTarget): Promise<FlagDoc> =>
      commit(input, async (making) => {
        const { session } = making;
        const before = mustBe(await flags.find(input.appId, input.flagKey, session), input);
        if ((before.archivedAt ?? null) === null) return before;
        await mustHaveRoom(session, input.appId);
        mustHaveNone(faultsOf(ofDoc(before), await others(session, input.appId)), 'CONFLICT');
        return making.flag('flag.restored', before, { ...before, archivedAt: null });
      }),
  };
}

export type FlagChanges = ReturnType<typeof flagChanges>;

function mustBe(flag: FlagDoc | undefined, { flagKey, ifVersion }: FlagTarget): FlagDoc {
  if (flag === undefined) throw new PlatformError('NOT_FOUND', `no flag ${flagKey} in this app`);
  mustBeVersion(flag.version ?? 1, ifVersion);
  return flag;
}

function mustBeInUse({ key, archivedAt = null }: FlagDoc): void {
  if (archivedAt !== null) throw new PlatformError('CONFLICT', `the flag ${key} is archived; restore it first`);
}
