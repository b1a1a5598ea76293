import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { ObjectId } from 'mongodb';
import type { ErrorGroupReads } from '../../db/error-group-reads.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import type { ErrorLists } from '../../db/error-reads.js';
import type { OccurrenceReads } from '../../db/occurrence-reads.js';
import { searchTerms } from '../../domain/error-search.js';
import { PlatformError } from '../../domain/errors.js';
import type { Guard } from '../access.js';
import { AppParams } from '../schema/app.js';
import { objectId } from '../schema/common.js';
import { cursorOf, nextCursor } from '../schema/cursor.js';
import {
  ActivityView,
  activityView,
  ErrorGroupParams,
  ErrorGroupView,
  ErrorsQuery,
  ErrorsView,
  groupFacts,
  listedGroupView,
  mergedGroupView,
  namedCountView,
  PageAfterQuery,
  sortedBy,
} from '../schema/error-group.js';
import {
  OccurrenceParams,
  OccurrencesView,
  occurrenceSummary,
  OccurrenceView,
  occurrenceView,
  TagsView,
  tagsView,
} from '../schema/error-occurrence.js';

interface Deps {
  readonly guard: Guard;
  readonly errorLists: ErrorLists;
  readonly errorGroups: ErrorGroupReads;
  readonly occurrences: OccurrenceReads;
}

const tags = ['errors'];

/** What people read of errors. */
export function errorRoutes({ guard, errorLists, errorGroups, occurrences }: Deps): FastifyPluginAsyncTypebox {
  /** @throws NOT_FOUND for what is no group of this app */
  async function groupOf(appId: ObjectId, groupId: string): Promise<ErrorGroupDoc> {
    const group = await errorGroups.find(appId, objectId(groupId));
    if (group === undefined) throw new PlatformError('NOT_FOUND', `no error group ${groupId}`);
    return group;
  }

  /** The group and all that it stands for. */
  async function idsOf(appId: ObjectId, groupId: string): Promise<ObjectId[]> {
    const { _id } = await groupOf(appId, groupId);
    return [_id, ...(await errorGroups.merged(_id)).map((each) => each._id)];
  }

  return async (app) => {
    const read = guard.inApp('errors:read');

    app.get(
      '/v1/apps/:appId/errors',
      {
        ...read,
        schema: {
          tags,
          summary: "The app's error groups; those that are merged into others are not listed",
          params: AppParams,
          querystring: ErrorsQuery,
          response: { 200: ErrorsView },
        },
      },
      async (request) => {
        const { member, app: it } = guard.appOf(request);
        const { status, assignee, release, environment, text, sort, direction, limit, after } = request.query;
        const order = `errors/${sort}/${direction}`;
        const found = await errorLists.page({
          appId: it.id,
          sort,
          ascending: direction === 'ascending',
          limit,
          statuses: status,
          assignee: assigneeOf(assignee, member.id),
          release,
          environment,
          terms: text === undefined ? undefined : searchTerms(text),
          after: cursorOf(order, after),
        });
        const next = nextCursor(order, found, limit, (last) => ({ value: sortedBy(last, sort), id: last._id }));
        return { groups: found.map(listedGroupView), next };
      },
    );

    app.get(
      '/v1/apps/:appId/errors/:groupId',
      {
        ...read,
        schema: {
          tags,
          summary: 'One error group: its state, why it is one, what is merged into it, and its counts',
          params: ErrorGroupParams,
          response: { 200: ErrorGroupView },
        },
      },
      async (request) => {
        const group = await groupOf(guard.appOf(request).app.id, request.params.groupId);
        const merged = await errorGroups.merged(group._id);
        const ids = [group._id, ...merged.map(({ _id }) => _id)];
        const [releases, environments, { hours, days }, { first, newest }] = await Promise.all([
          errorGroups.releases(ids),
          errorGroups.environments(ids),
          errorGroups.sparkline(ids, Date.now()),
          occurrences.ends(ids),
        ]);
        return {
          ...listedGroupView(group),
          ...groupFacts(group),
          merged: merged.map(mergedGroupView),
          merging: [group, ...merged].some(({ profileMove }) => profileMove !== undefined),
          releases: releases.map(namedCountView),
          environments: environments.map(namedCountView),
          sparkline: { hours: [...hours], days: [...days] },
          firstOccurrence: first ? occurrenceSummary(first) : null,
          newestOccurrence: newest ? occurrenceSummary(newest) : null,
        };
      },
    );

    app.get(
      '/v1/apps/:appId/errors/:groupId/occurrences',
      {
        ...read,
        schema: {
          tags,
          summary: 'The stored occurrences of a group and of all that is merged into it, newest first',
          params: ErrorGroupParams,
          querystring: PageAfterQuery,
          response: { 200: OccurrencesView },
        },
      },
      async (request) => {
        const ids = await idsOf(guard.appOf(request).app.id, request.params.groupId);
        const { limit, after } = request.query;
        const found = await occurrences.page(ids, limit, cursorOf('occurrences', after));
        const next = nextCursor('occurrences', found, limit, (last) => ({ value: last.timestampMs, id: last._id }));
        return { occurrences: found.map(occurrenceSummary), next };
      },
    );

    app.get(
      '/v1/apps/:appId/errors/:groupId/occurrences/:occurrenceId',
      {
        ...read,
        schema: {
          tags,
          summary: 'One occurrence with all that is stored of it, and the ids of those next to it in time',
          params: OccurrenceParams,
          response: { 200: OccurrenceView },
        },
      },
      async (request) => {
        const { groupId, occurrenceId } = request.params;
        const ids = await idsOf(guard.appOf(request).app.id, groupId);
        const found = await occurrences.find(ids, objectId(occurrenceId));
        if (found === undefined) throw new PlatformError('NOT_FOUND', `no occurrence ${occurrenceId} is stored`);
        const { older, newer } = await occurrences.neighbours(ids, found);
        return {
          ...occurrenceView(found),
          older: older?.toHexString() ?? null,
          newer: newer?.toHexString() ?? null,
        };
      },
    );

    app.get(
      '/v1/apps/:appId/errors/:groupId/tags',
      {
        ...read,
        schema: {
          tags,
          summary: 'How the stored occurrences of a group differ: release, browser, tags, flags',
          params: ErrorGroupParams,
          response: { 200: TagsView },
        },
      },
      async (request) => {
        const ids = await idsOf(guard.appOf(request).app.id, request.params.groupId);
        return tagsView(await occurrences.distributions(ids));
      },
    );

    app.get(
      '/v1/apps/:appId/errors/:groupId/activity',
      {
        ...read,
        schema: {
          tags,
          summary: 'What people and the platform did to a group, newest first',
          params: ErrorGroupParams,
          querystring: PageAfterQuery,
          response: { 200: ActivityView },
        },
      },
      async (request) => {
        const { _id } = await groupOf(guard.appOf(request).app.id, request.params.groupId);
        const { limit, after } = request.query;
        const found = await errorGroups.activity(_id, limit, cursorOf('activity', after));
        const next = nextCursor('activity', found, limit, (last) => ({ value: last.at.getTime(), id: last._id }));
        return { activity: found.map(activityView), next };
      },
    );
  };
}

function assigneeOf(assignee: string | undefined, me: ObjectId): ObjectId | null | undefined {
  if (assignee === undefined) return undefined;
  if (assignee === 'none') return null;
  return assignee === 'me' ? me : objectId(assignee);
}
