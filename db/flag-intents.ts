import type { ClientSession, MongoClient, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import type { Flag } from '../domain/flag.js';
import type { FlagProposal } from '../domain/flag-proposal.js';
import { contentOf, type FlagContent, faultsOf, type NewFlag, othersOf, type SegmentContent } from './flag-content.js';
import { flagOf } from './flag-definitions.js';
import type { ImportedFlag } from './flag-import.js';
import { mustHaveNone } from './flag-refusals.js';
import type { FlagRevisions } from './flag-revisions.js';
import { mustBeSegment, type NewSegment } from './flag-segment-changes.js';
import type { FlagStates } from './flag-states.js';
import type { FlagDoc, Flags } from './flags.js';
import { idFromHex, NOBODY } from './ids.js';
import type { SegmentDoc, Segments } from './segments.js';

type Partly<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** A change of definitions that somebody means to make, and that nobody has made yet. */
export type FlagIntent =
  | { readonly kind: 'create'; readonly flag: NewFlag }
  | { readonly kind: 'change'; readonly flagKey: string; readonly change: Partly<FlagContent> }
  | { readonly kind: 'revert'; readonly flagKey: string; readonly version: number }
  | { readonly kind: 'archive'; readonly flagKey: string }
  | { readonly kind: 'restore'; readonly flagKey: string }
  | { readonly kind: 'revive'; readonly flagKey: string }
  | { readonly kind: 'segment-create'; readonly segmentKey: string; readonly content: SegmentContent }
  | { readonly kind: 'segment-change'; readonly segmentKey: string; readonly change: Partly<SegmentContent> }
  | { readonly kind: 'segment-remove'; readonly segmentKey: string }
  | { readonly kind: 'import'; readonly flags: readonly ImportedFlag[]; readonly segments: readonly NewSegment[] };

export const INTENT_KINDS = [
  'create',
  'change',
  'revert',
  'archive',
  'restore',
  'revive',
  'segment-create',
  'segment-change',
  'segment-remove',
  'import',
] as const satisfies readonly FlagIntent['kind'][];

/** What an intent would make of what is there now. */
export interface Foreseen {
  /** What it is about; both are null where it is many. */
  readonly flagKey: string | null;
  readonly segmentKey: string | null;
  /** Of the flag or segment that it is a change of, or of the app where it is many; null where it is new. */
  readonly baseVersion: number | null;
  readonly proposal: FlagProposal;
}

interface Deps {
  readonly client: MongoClient;
  readonly flagStates: Pick<FlagStates, 'find'>;
  readonly flags: Pick<Flags, 'find' | 'findMany' | 'links'>;
  readonly segments: Pick<Segments, 'find' | 'keys'>;
  readonly flagRevisions: Pick<FlagRevisions, 'find'>;
}

/** As JSON: keys of values may be anything, so they are no fields of a document. */
export const intentText = (intent: FlagIntent): string => JSON.stringify(intent);

export function intentOf(text: string): FlagIntent {
  const intent = JSON.parse(text) as FlagIntent;
  if (intent.kind === 'create') return { ...intent, flag: revived(intent.flag) };
  if (intent.kind === 'change') return { ...intent, change: revived(intent.change) };
  return intent.kind === 'import' ? { ...intent, flags: intent.flags.map(revived) } : intent;
}

/** JSON knows neither ids nor instants. */
function revived<T extends { readonly owner?: unknown; readonly expiresAt?: unknown }>(json: T): T {
  const { owner, expiresAt } = json;
  return {
    ...json,
    ...(typeof owner === 'string' && { owner: idFromHex(owner) }),
    ...(typeof expiresAt === 'string' && { expiresAt: new Date(expiresAt) }),
  };
}

const given = <T extends object>(change: Partly<T>): Partial<T> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<T>;

export function flagIntents({ client, flagStates, flags, segments, flagRevisions }: Deps) {
  async function flagAfter(session: ClientSession, appId: ObjectId, intent: FlagOnly): Promise<Step> {
    if (intent.kind === 'create') {
      const { flag } = intent;
      const same = await flags.find(appId, flag.key, session);
      if (same !== undefined) throw new PlatformError('CONFLICT', `a flag ${flag.key} is there already`);
      return { before: undefined, after: { ...flag, ...AT_FIRST, appId } };
    }
    const { flagKey } = intent;
    const before = await flags.find(appId, flagKey, session);
    if (before === undefined) throw new PlatformError('NOT_FOUND', `no flag ${flagKey} in this app`);
    if (intent.kind === 'archive') return { before, after: undefined };
    if (intent.kind === 'restore') return { before, after: { ...before, archivedAt: null } };
    if ((before.archivedAt ?? null) !== null)
      throw new PlatformError('CONFLICT', `the flag ${flagKey} is archived; restore it first`);
    if (intent.kind === 'revive') return { before, after: { ...before, killedAt: null } };
    if (intent.kind === 'change') return { before, after: { ...before, ...given(intent.change) } };
    const { version } = intent;
    const revision = await flagRevisions.find(appId, flagKey, version, session);
    if (revision === undefined)
      throw new PlatformError('NOT_FOUND', `the flag ${flagKey} never had version ${String(version)}`);
    return { before, after: { ...before, ...contentOf(revision.flag) } };
  }

  async function ofFlag(session: ClientSession, appId: ObjectId, intent: FlagOnly): Promise<Foreseen> {
    const { before, after } = await flagAfter(session, appId, intent);
    const key = intent.kind === 'create' ? intent.flag.key : intent.flagKey;
    if (after !== undefined) {
      const others = othersOf(await flags.links(session, appId), await segments.keys(session, appId));
      mustHaveNone(faultsOf({ key, type: after.type, ...contentOf(after) }, others));
    }
    const flag: Flag | null = after === undefined ? null : flagOf(after);
    return {
      ...{ flagKey: key, segmentKey: null, baseVersion: before === undefined ? null : (before.version ?? 1) },
      proposal: { flags: [{ key, flag }], segments: [] },
    };
  }

  async function ofSegment(session: ClientSession, appId: ObjectId, intent: SegmentOnly): Promise<Foreseen> {
    const { segmentKey: key } = intent;
    const before = await segments.find(appId, key, session);
    const isNew = intent.kind === 'segment-create';
    if (isNew && before !== undefined) throw new PlatformError('CONFLICT', `a segment ${key} is there already`);
    if (!isNew && before === undefined) throw new PlatformError('NOT_FOUND', `no segment ${key} in this app`);
    const content = contentAfter(intent, before);
    if (content !== undefined) mustBeSegment({ key, ...content });
    const segment = content === undefined ? null : { key, clauses: content.clauses };
    return {
      ...{ flagKey: null, segmentKey: key, baseVersion: before?.version ?? null },
      proposal: { flags: [], segments: [{ key, segment }] },
    };
  }

  /** A flag that stands in it is restored by it, and keeps its kill switch. */
  async function ofMany(session: ClientSession, appId: ObjectId, many: ImportOnly): Promise<Foreseen> {
    const state = await flagStates.find(appId, session);
    const keys = many.flags.map(({ key }) => key);
    const known = new Map((await flags.findMany(session, appId, keys)).map((doc) => [doc.key, doc]));
    const links = await flags.links(session, appId);
    const others = othersOf(
      [...links.filter(({ key }) => !keys.includes(key)), ...many.flags],
      [...(await segments.keys(session, appId)), ...many.segments.map(({ key }) => key)],
    );
    many.segments.forEach(mustBeSegment);
    const flagsAfter = many.flags.map((flag) => {
      const { owner = null, killedAt = null } = known.get(flag.key) ?? {};
      mustHaveNone(faultsOf({ ...flag, owner }, others));
      return { key: flag.key, flag: flagOf({ ...AT_FIRST, ...flag, appId, killedAt }) };
    });
    const segmentsAfter = many.segments.map(({ key, clauses }) => ({ key, segment: { key, clauses } }));
    return {
      ...{ flagKey: null, segmentKey: null, baseVersion: state?.version ?? 0 },
      proposal: { flags: flagsAfter, segments: segmentsAfter },
    };
  }

  return {
    /** At one point in time. @throws what the change itself would: NOT_FOUND, CONFLICT, REQUEST_INVALID */
    foresee: (appId: ObjectId, intent: FlagIntent): Promise<Foreseen> =>
      client.withSession({ snapshot: true }, (session) =>
        intent.kind === 'import'
          ? ofMany(session, appId, intent)
          : isOfFlag(intent)
            ? ofFlag(session, appId, intent)
            : ofSegment(session, appId, intent),
      ),
  };
}

export type FlagIntents = ReturnType<typeof flagIntents>;

type ImportOnly = Extract<FlagIntent, { readonly kind: 'import' }>;
type SegmentOnly = Extract<FlagIntent, { readonly segmentKey: string }>;
type FlagOnly = Exclude<FlagIntent, SegmentOnly | ImportOnly>;
const isOfFlag = (intent: FlagOnly | SegmentOnly): intent is FlagOnly => !('segmentKey' in intent);

interface Step {
  readonly before: FlagDoc | undefined;
  /** Undefined: nobody is answered by it any more. */
  readonly after: FlagDoc | undefined;
}

/** What decides nothing. */
const AT_FIRST = {
  ...{ _id: NOBODY, createdBy: NOBODY, createdAt: new Date(0), updatedAt: new Date(0) },
  ...{ version: 0, killedAt: null, archivedAt: null },
};

function contentAfter(intent: SegmentOnly, before: SegmentDoc | undefined): SegmentContent | undefined {
  if (intent.kind === 'segment-remove') return undefined;
  if (intent.kind === 'segment-create') return intent.content;
  const { description = before?.description ?? '', clauses = before?.clauses ?? [] } = intent.change;
  return { description, clauses };
}
