import type { Db, Filter, ObjectId, Sort } from 'mongodb';
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
const FEW = 1_000;
/** How far the sort's index is walked in the hope of a page. */
const WALK = 2_000;
/** So many are still read and sorted sooner than everything is walked through. */
const MANY = 30_000;

/** Lists of error groups, in bounded time however many there are and whatever is asked for. */
export function errorLists(db: Db) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);

  /** The way with the fewest groups, where these are fewer than `most`; counted no further than that. */
  async function narrowest(ways: readonly Way[], most: number): Promise<string | undefined> {
    const counts = await Promise.all(
      ways.map(({ hint, filter }) => groups.countDocuments(filter, { hint, limit: most })),
    );
    const least = Math.min(...counts);
    return least < most ? ways[counts.indexOf(least)]?.hint : undefined;
  }

  return {
    /**
     * One page. A group is on no page twice, as long as what it is sorted by only grows; one that has moved to the
     * front meanwhile is found there.
     *
     * By which index is decided here, since MongoDB would try them once and remember the winner for other values too:
     * a filter that finds few is read and sorted; else the index of the sort is walked a little, which finds a page
     * where many match; else the filter that finds fewest it is after all.
     */
    async page(query: ErrorQuery): Promise<ListedGroup[]> {
      const { sort, limit } = query;
      const ways = waysOf(query);
      const by = (hint: string, steps?: number): Promise<ListedGroup[]> => through(query, hint, steps);

      const direct = await narrowest(ways, FEW);
      if (direct !== undefined) return by(direct);
      const isFiltered = ways.length > 0 || query.assignee === null;
      if (!isFiltered) return by(GROUP_INDEXES[sort]);
      const walked = await by(GROUP_INDEXES[sort], WALK);
      if (walked.length === limit) return walked;
      return by((await narrowest(ways, MANY)) ?? GROUP_INDEXES[sort]);
    },
  };

  /** With `steps`, looks at so many groups in the order of the sort, and at no others. */
  async function through(query: ErrorQuery, hint: string, steps?: number): Promise<ListedGroup[]> {
    const { sort, ascending, limit, after } = query;
    const direction = ascending ? 1 : -1;
    const beyond = ascending ? '$gt' : '$lt';
    const order: Sort = { [sort]: direction, _id: direction };
    const { indexed, rest } = filterOf(query);
    const find = (range: GroupFilter, most: number): Promise<ListedGroup[]> => {
      if (steps === undefined)
        return groups
          .find({ ...indexed, ...rest, ...range }, { hint, projection: LISTED })
          .sort(order)
          .limit(most)
          .toArray();
      return groups
        .aggregate<ListedGroup>(
          [
            { $match: { ...indexed, ...range } },
            { $sort: order },
            { $limit: steps },
            { $match: rest },
            { $limit: most },
            { $project: LISTED },
          ],
          { hint },
        )
        .toArray();
    };

    if (after === undefined) return find({}, limit);
    const value = sort === 'lastSeen' || sort === 'firstSeen' ? new Date(after.value) : after.value;
    // Two ranges of the index, where `$or` would walk through all that are equal.
    const among = { [sort]: value, _id: { [beyond]: after.id } };
    const equal = await find(among, limit);
    if (equal.length === limit) return equal;
    // Where the steps have not led through all that are equal, what comes after them would be too early.
    if (
      steps !== undefined &&
      (await groups.countDocuments({ ...indexed, ...among }, { hint, limit: steps })) === steps
    )
      return equal;
    return [...equal, ...(await find({ [sort]: { [beyond]: value } }, limit - equal.length))];
  }
}

export type ErrorLists = ReturnType<typeof errorLists>;

const statusOf = ({ statuses }: ErrorQuery): GroupFilter => ({ status: { $in: [...(statuses ?? ERROR_STATUSES)] } });

/** `indexed` is what the indexes of the sorts hold before what is sorted by, so it is always there. */
function filterOf(query: ErrorQuery): { readonly indexed: GroupFilter; readonly rest: GroupFilter } {
  const { appId, assignee, release, environment, terms = [] } = query;
  return {
    indexed: { appId, ...statusOf(query) },
    rest: {
      mergedInto: null,
      ...(assignee !== undefined && { assignee }),
      ...(release !== undefined && { releases: release }),
      ...(environment !== undefined && { environments: environment }),
      ...(terms.length > 0 && { $and: terms.map((term) => ({ words: beginsWith(term) })) }),
    },
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
