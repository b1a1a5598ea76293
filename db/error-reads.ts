import type { Db, Filter, FindCursor, FindOptions, ObjectId } from 'mongodb';
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
/** How many groups are looked at in the order of the sort, in the hope of a page. */
const WALK = 1_500;
/** Filters that find more than this are all the same. */
const MANY = 100_000;

interface Bounds {
  readonly few?: number;
  readonly walk?: number;
}

/** Lists of error groups, in bounded time however many there are and whatever is asked for. */
export function errorLists(db: Db, { few = FEW, walk = WALK }: Bounds = {}) {
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
     * What a filter finds is read and sorted where that is little. Else the index of the sort is walked for a while,
     * which finds a page where many match; where it does not, the filter that finds fewest is taken after all.
     */
    async page(query: ErrorQuery): Promise<ListedGroup[]> {
      const bySort = GROUP_INDEXES[query.sort];
      const ways = waysOf(query);
      const narrow = await narrowest(ways, few);
      if (narrow === undefined) return through(query, bySort);
      if (narrow.reach < few) return through(query, narrow.hint);
      const until = await placeAhead(query, walk);
      const walked = await through(query, bySort, until);
      if (walked.length === query.limit || until === undefined) return walked;
      const least = ways.length === 1 ? narrow : ((await narrowest(ways, MANY)) ?? narrow);
      return through(query, least.hint);
    },
  };

  function find(query: ErrorQuery, filter: GroupFilter, options: FindOptions): FindCursor<ListedGroup> {
    const direction = query.ascending ? 1 : -1;
    return groups.find<ListedGroup>(filter, options).sort({ [query.sort]: direction, _id: direction });
  }

  /** The place so many groups on, whatever they are; undefined where the list ends before. */
  async function placeAhead(query: ErrorQuery, steps: number): Promise<Place | undefined> {
    const options = { hint: GROUP_INDEXES[query.sort], projection: { [query.sort]: 1 }, limit: 1, skip: steps };
    for (const range of ranges(query, placeOf(query), undefined)) {
      const there = await find(query, { ...indexed(query), ...range }, options).next();
      if (there !== null) return { value: there[query.sort], id: there._id };
    }
    return undefined;
  }

  async function through(query: ErrorQuery, hint: string, until?: Place): Promise<ListedGroup[]> {
    const found: ListedGroup[] = [];
    for (const range of ranges(query, placeOf(query), until)) {
      const options = { hint, projection: LISTED, limit: query.limit - found.length };
      const filter = { ...indexed(query), ...filters(query), ...range };
      found.push(...(await find(query, filter, options).toArray()));
      if (found.length === query.limit) break;
    }
    return found;
  }
}

/** Somewhere in a sorted list: at a group. */
interface Place {
  readonly value: Date | number;
  readonly id: ObjectId;
}

function placeOf({ sort, after }: ErrorQuery): Place | undefined {
  if (after === undefined) return undefined;
  const isTime = sort === 'lastSeen' || sort === 'firstSeen';
  return { value: isTime ? new Date(after.value) : after.value, id: after.id };
}

/** What lies after one place up to another, as ranges of the sort's index; `$or` would walk through all that are equal. */
function ranges({ sort, ascending }: ErrorQuery, from: Place | undefined, until: Place | undefined): GroupFilter[] {
  const [after, before, upTo] = ascending ? (['$gt', '$lt', '$lte'] as const) : (['$lt', '$gt', '$gte'] as const);
  if (from !== undefined && Number(from.value) === Number(until?.value))
    return [{ [sort]: from.value, _id: { [after]: from.id, ...(until && { [upTo]: until.id }) } }];
  if (from === undefined && until === undefined) return [{}];
  const between = { ...(from && { [after]: from.value }), ...(until && { [before]: until.value }) };
  return [
    ...(from ? [{ [sort]: from.value, _id: { [after]: from.id } }] : []),
    { [sort]: between },
    ...(until ? [{ [sort]: until.value, _id: { [upTo]: until.id } }] : []),
  ];
}

export type ErrorLists = ReturnType<typeof errorLists>;

const statusOf = ({ statuses }: ErrorQuery): GroupFilter => ({ status: { $in: [...(statuses ?? ERROR_STATUSES)] } });

/** What the indexes of the sorts have before what is sorted by; all of it is always asked for. */
const indexed = (query: ErrorQuery): GroupFilter => ({ appId: query.appId, ...statusOf(query) });

const filters = ({ assignee, release, environment, terms = [] }: ErrorQuery): GroupFilter => ({
  mergedInto: null,
  ...(assignee !== undefined && { assignee }),
  ...(release !== undefined && { releases: release }),
  ...(environment !== undefined && { environments: environment }),
  ...(terms.length > 0 && { $and: terms.map((term) => ({ words: beginsWith(term) })) }),
});

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
