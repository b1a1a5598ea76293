import { type Db, type Filter, MongoServerError, type ObjectId } from 'mongodb';
import { ERROR_STATUSES, type ErrorStatus } from '../domain/error-status.js';
import { type ErrorGroupDoc, errorGroupsSpec, GROUP_INDEXES } from './error-groups.js';

export const ERROR_SORTS = ['lastSeen', 'firstSeen', 'occurrenceCount', 'affectedProfiles'] as const;
export type ErrorSort = (typeof ERROR_SORTS)[number];

/** Where the page before ended: the value it was sorted by, and the id among equal ones. */
export interface PageCursor {
  readonly value: number;
  readonly id: ObjectId;
}

export interface ErrorQuery {
  readonly appId: ObjectId;
  readonly sort: ErrorSort;
  readonly ascending: boolean;
  readonly limit: number;
  readonly statuses?: readonly ErrorStatus[] | undefined;
  /** Null: nobody's. */
  readonly assignee?: ObjectId | null | undefined;
  readonly release?: string | undefined;
  readonly environment?: string | undefined;
  /** Beginnings of words that all have to be there. */
  readonly terms?: readonly string[] | undefined;
  readonly after?: PageCursor | undefined;
}

/** What lists show of a group. */
export type ListedGroup = Omit<ErrorGroupDoc, 'comments' | 'grouping' | 'words' | 'own'>;

const LISTED = { comments: 0, grouping: 0, words: 0, own: 0 } as const;

type GroupFilter = Filter<ErrorGroupDoc>;

/** An index that holds a filter, and what of the filter it holds. */
interface Way {
  readonly hint: string;
  readonly filter: GroupFilter;
}

/** So few are read and sorted at once. */
const FEW = 3_000;
/** Filters that find more than this are all the same. */
const MANY = 100_000;
/** How long the index of the sort is walked in the hope of a page. */
const WALK_MS = 20;
const EXCEEDED_TIME = 50;

interface Bounds {
  readonly few?: number;
  readonly walkMs?: number;
}

/** Lists of error groups, in bounded time however many there are and whatever is asked for. */
export function errorLists(db: Db, { few = FEW, walkMs = WALK_MS }: Bounds = {}) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);

  /** The way to the fewest groups, counted no further than `most`. */
  async function narrowest(ways: readonly Way[], most: number): Promise<{ hint: string; reach: number } | undefined> {
    const counts = await Promise.all(
      ways.map(({ hint, filter }) => groups.countDocuments(filter, { hint, limit: most })),
    );
    const reach = Math.min(...counts);
    const way = ways[counts.indexOf(reach)];
    return way && { hint: way.hint, reach };
  }

  return {
    /**
     * One page. A group is on no page twice, as long as what it is sorted by only grows; one that has moved to the
     * front meanwhile is found there.
     *
     * By which index is decided here, since MongoDB would try them once and remember the winner for other values too.
     * What a filter finds is read and sorted where that is little. Else the index of the sort is walked for a moment,
     * which finds a page where many match; where it does not, the filter that finds fewest is taken after all.
     */
    async page(query: ErrorQuery): Promise<ListedGroup[]> {
      const bySort = GROUP_INDEXES[query.sort];
      const ways = waysOf(query);
      const narrow = await narrowest(ways, few);
      if (narrow === undefined) return through(query, bySort);
      if (narrow.reach < few) return through(query, narrow.hint);
      const walked = await inTime(() => through(query, bySort, { maxTimeMS: walkMs }));
      return walked ?? through(query, (await narrowest(ways, MANY))?.hint ?? bySort);
    },
  };

  async function through(
    query: ErrorQuery,
    hint: string,
    options: { readonly maxTimeMS?: number } = {},
  ): Promise<ListedGroup[]> {
    const { sort, ascending, limit, after } = query;
    const direction = ascending ? 1 : -1;
    const beyond = ascending ? '$gt' : '$lt';
    const find = (range: GroupFilter, most: number): Promise<ListedGroup[]> =>
      groups
        .find({ ...filterOf(query), ...range }, { hint, projection: LISTED, ...options })
        .sort({ [sort]: direction, _id: direction })
        .limit(most)
        .toArray();

    if (after === undefined) return find({}, limit);
    const value = sort === 'lastSeen' || sort === 'firstSeen' ? new Date(after.value) : after.value;
    // Two ranges of the index, where `$or` would walk through all that are equal.
    const equal = await find({ [sort]: value, _id: { [beyond]: after.id } }, limit);
    if (equal.length === limit) return equal;
    return [...equal, ...(await find({ [sort]: { [beyond]: value } }, limit - equal.length))];
  }
}

async function inTime<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MongoServerError && error.code === EXCEEDED_TIME) return undefined;
    throw error;
  }
}

export type ErrorLists = ReturnType<typeof errorLists>;

const statusOf = ({ statuses }: ErrorQuery): GroupFilter => ({ status: { $in: [...(statuses ?? ERROR_STATUSES)] } });

function filterOf(query: ErrorQuery): GroupFilter {
  const { appId, assignee, release, environment, terms = [] } = query;
  return {
    appId,
    // Always there, since the indexes of the sorts have it before what is sorted by.
    ...statusOf(query),
    mergedInto: null,
    ...(assignee !== undefined && { assignee }),
    ...(release !== undefined && { releases: release }),
    ...(environment !== undefined && { environments: environment }),
    ...(terms.length > 0 && { $and: terms.map((term) => ({ words: beginsWith(term) })) }),
  };
}

function waysOf(query: ErrorQuery): Way[] {
  const { appId, assignee, release, environment, terms = [] } = query;
  const status = statusOf(query);
  const ways: Way[] = terms.map((term) => ({
    hint: GROUP_INDEXES.words,
    filter: { appId, words: beginsWith(term) },
  }));
  if (assignee) ways.push({ hint: GROUP_INDEXES.assignee, filter: { appId, assignee } });
  if (release !== undefined)
    ways.push({ hint: GROUP_INDEXES.releases, filter: { appId, releases: release, ...status } });
  if (environment !== undefined)
    ways.push({ hint: GROUP_INDEXES.environments, filter: { appId, environments: environment, ...status } });
  return ways;
}

const beginsWith = (term: string): RegExp => new RegExp(`^${term.replaceAll('$', String.raw`\$`)}`);
