import type { Db, Document, ObjectId } from 'mongodb';
import type { PageCursor } from './error-reads.js';
import { type ErrorDoc, errorsSpec } from './errors.js';

/** What lists show of an occurrence. */
export type ListedOccurrence = Pick<
  ErrorDoc,
  | '_id'
  | 'errorId'
  | 'groupId'
  | 'timestampMs'
  | 'receivedAt'
  | 'message'
  | 'severity'
  | 'release'
  | 'environment'
  | 'profileId'
  | 'pageUrl'
  | 'userComment'
  | 'keptAs'
>;

/** How the stored occurrences of a group differ in one thing. */
export interface Distribution {
  readonly source: 'field' | 'tag' | 'flag';
  readonly name: string;
  /** How many occurrences say something of it. */
  readonly count: number;
  readonly distinct: number;
  /** The most frequent ones. */
  readonly values: readonly { readonly value: string; readonly count: number }[];
}

export interface Distributions {
  /** How many occurrences were looked at: counts stay exact beyond what is stored, tags do not. */
  readonly occurrences: number;
  readonly distributions: readonly Distribution[];
  /** Tags and flags with about as many values as occurrences, which say nothing. */
  readonly nearlyUnique: readonly string[];
}

const LISTED = {
  errorId: 1,
  groupId: 1,
  timestampMs: 1,
  receivedAt: 1,
  message: 1,
  severity: 1,
  release: 1,
  environment: 1,
  profileId: 1,
  pageUrl: 1,
  userComment: 1,
  keptAs: 1,
} as const;

const MOST_READ = 5_000;
const VALUES_SHOWN = 10;
const NAMES_SHOWN = 200;
/** With more values than this, and fewer than two occurrences a value, a tag is taken for an id. */
const FEW_VALUES = 10;

/** Stored occurrences of groups; `ids` are a group and all that are merged into it. */
export function occurrenceReads(db: Db) {
  const errors = db.collection<ErrorDoc>(errorsSpec.name);

  /**
   * By the client's time. A group stores a bounded number, so they are sorted when they are asked for; an index for it
   * would cost each occurrence.
   */
  function ordered(match: Document, newestFirst: boolean, limit: number, project: Document): Promise<Document[]> {
    const order = newestFirst ? -1 : 1;
    return errors
      .aggregate([
        { $match: match },
        { $project: project },
        { $sort: { timestampMs: order, _id: order } },
        { $limit: limit },
      ])
      .toArray();
  }
  const list = async (match: Document, newestFirst: boolean, limit: number): Promise<ListedOccurrence[]> =>
    (await ordered(match, newestFirst, limit, LISTED)) as ListedOccurrence[];

  const beyond = ({ value, id }: PageCursor, operator: '$lt' | '$gt'): Document => ({
    $or: [{ timestampMs: { [operator]: value } }, { timestampMs: value, _id: { [operator]: id } }],
  });
  const among = (ids: readonly ObjectId[]): Document => ({ groupId: { $in: [...ids] } });

  return {
    /** Newest first. */
    page: (ids: readonly ObjectId[], limit: number, after?: PageCursor): Promise<ListedOccurrence[]> =>
      list({ ...among(ids), ...(after && beyond(after, '$lt')) }, true, limit),

    async ends(ids: readonly ObjectId[]): Promise<{ first?: ListedOccurrence; newest?: ListedOccurrence }> {
      const [[first], [newest]] = await Promise.all([list(among(ids), false, 1), list(among(ids), true, 1)]);
      return { ...(first && { first }), ...(newest && { newest }) };
    },

    async find(ids: readonly ObjectId[], id: ObjectId): Promise<ErrorDoc | undefined> {
      return (await errors.findOne({ _id: id, groupId: { $in: [...ids] } })) ?? undefined;
    },

    /** The ones next to it in time. */
    async neighbours(
      ids: readonly ObjectId[],
      { _id: id, timestampMs: value }: Pick<ErrorDoc, '_id' | 'timestampMs'>,
    ): Promise<{ readonly older: ObjectId | null; readonly newer: ObjectId | null }> {
      const next = async (operator: '$lt' | '$gt'): Promise<ObjectId | null> => {
        const match = { ...among(ids), ...beyond({ value, id }, operator) };
        const [found] = await ordered(match, operator === '$lt', 1, { timestampMs: 1 });
        return (found?.['_id'] as ObjectId | undefined) ?? null;
      };
      const [older, newer] = await Promise.all([next('$lt'), next('$gt')]);
      return { older, newer };
    },

    /** What the stored occurrences have in common, and what not. */
    async distributions(ids: readonly ObjectId[]): Promise<Distributions> {
      const counts = distributionCounts();
      const found = errors
        .find({ groupId: { $in: [...ids] } })
        .project<Differing>({ tags: 1, flags: 1, release: 1, environment: 1, severity: 1, browserContext: 1 })
        .limit(MOST_READ);
      for await (const each of found) counts.add(each);
      return counts.result();
    },
  };
}

export type OccurrenceReads = ReturnType<typeof occurrenceReads>;

type Differing = Pick<ErrorDoc, 'tags' | 'flags' | 'release' | 'environment' | 'severity' | 'browserContext'>;
type Source = Distribution['source'];

function distributionCounts() {
  let occurrences = 0;
  const bySource: Record<Source, Map<string, Map<string, number>>> = {
    field: new Map(),
    tag: new Map(),
    flag: new Map(),
  };

  function add(source: Source, name: string, value: string): void {
    if (value === '') return;
    const names = bySource[source];
    const values = names.get(name) ?? new Map<string, number>();
    names.set(name, values);
    values.set(value, (values.get(value) ?? 0) + 1);
  }

  const distribution = (source: Source, name: string, values: ReadonlyMap<string, number>): Distribution => {
    const sorted = [...values].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return {
      source,
      name,
      count: sorted.reduce((sum, [, count]) => sum + count, 0),
      distinct: sorted.length,
      values: sorted.slice(0, VALUES_SHOWN).map(([value, count]) => ({ value, count })),
    };
  };
  const isNearlyUnique = ({ source, count, distinct }: Distribution): boolean =>
    source !== 'field' && distinct > FEW_VALUES && distinct * 2 > count;

  return {
    add({ tags, flags, release, environment, severity, browserContext }: Differing): void {
      occurrences += 1;
      const { browser, browserVersion, os, deviceType } = browserContext;
      const named = browser === '' ? '' : `${browser} ${browserVersion}`.trim();
      const fields = { release, environment, severity, browser: named, os, deviceType };
      for (const [name, value] of Object.entries(fields)) add('field', name, value);
      for (const [name, value] of Object.entries(tags)) add('tag', name, value);
      for (const [name, value] of Object.entries(flags)) add('flag', name, value);
    },

    result(): Distributions {
      const all = (['field', 'tag', 'flag'] as const).flatMap((source) =>
        [...bySource[source]].map(([name, values]) => distribution(source, name, values)),
      );
      return {
        occurrences,
        distributions: all
          .filter((each) => !isNearlyUnique(each))
          .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
          .slice(0, NAMES_SHOWN),
        nearlyUnique: all
          .filter(isNearlyUnique)
          .map(({ name }) => name)
          .sort()
          .slice(0, NAMES_SHOWN),
      };
    },
  };
}
