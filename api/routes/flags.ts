import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { ObjectId } from 'mongodb';
import type { FlagChanges } from '../../db/flag-changes.js';
import type { FlagRevisions } from '../../db/flag-revisions.js';
import type { FlagDoc, Flags } from '../../db/flags.js';
import { type Members, rightsOf } from '../../db/members.js';
import { PlatformError } from '../../domain/errors.js';
import { roleIn } from '../../domain/member.js';
import type { Guard } from '../access.js';
import { changedBy, changedDirectly, ifMatch, takeAnyJson, withVersion } from '../flags/definition-routes.js';
import { AppParams } from '../schema/app.js';
import { objectId } from '../schema/common.js';
import {
  ChangeFlagRequest,
  contentChange,
  CreateFlagRequest,
  FlagParams,
  FlagsQuery,
  FlagsView,
  flagView,
  FlagView,
  listedFlagView,
  listedRevisionView,
  newContent,
  NoteRequest,
  RevertFlagRequest,
  RevisionParams,
  RevisionsQuery,
  RevisionsView,
  revisionView,
  RevisionView,
} from '../schema/flag.js';

interface Deps {
  readonly guard: Guard;
  readonly members: Pick<Members, 'find'>;
  readonly flags: Pick<Flags, 'find' | 'page'>;
  readonly flagRevisions: Pick<FlagRevisions, 'find' | 'page'>;
  readonly flagChanges: FlagChanges;
}

const tags = ['flags'];
const PATH = '/v1/apps/:appId/flags/:flagKey';

export function flagRoutes({ guard, members, flags, flagRevisions, flagChanges }: Deps): FastifyPluginAsyncTypebox {
  /** @throws REQUEST_INVALID for somebody who has no role in the app. */
  async function mustBeOfApp(owner: ObjectId | null | undefined, appId: ObjectId): Promise<void> {
    if (owner === null || owner === undefined) return;
    const member = await members.find(owner);
    if (member !== undefined && roleIn(rightsOf(member), appId.toHexString()) !== undefined) return;
    throw new PlatformError('REQUEST_INVALID', `owner ${owner.toHexString()} is no member of this app`);
  }

  async function found(appId: ObjectId, flagKey: string): Promise<FlagDoc> {
    const flag = await flags.find(appId, flagKey);
    if (flag === undefined) throw new PlatformError('NOT_FOUND', `no flag ${flagKey} in this app`);
    return flag;
  }

  return async (app) => {
    takeAnyJson(app);

    app.post(
      '/v1/apps/:appId/flags',
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'Create a flag; a rule without an id is given one',
          params: AppParams,
          body: CreateFlagRequest,
          response: { 201: FlagView },
        },
      },
      async (request, reply) => {
        const { key, type, defaultValue, note } = request.body;
        const by = changedDirectly(guard, request, note);
        const flag = { key, type, ...newContent(request.body), defaultValue };
        await mustBeOfApp(flag.owner, by.appId);
        const doc = await flagChanges.create({ ...by, flag });
        return withVersion(reply.code(201), doc.version ?? 1).send(flagView(doc));
      },
    );

    app.get(
      '/v1/apps/:appId/flags',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'The flags of an app by key, without their rules and values',
          params: AppParams,
          querystring: FlagsQuery,
          response: { 200: FlagsView },
        },
      },
      async (request) => {
        const { owner, ...query } = request.query;
        const appId = guard.appOf(request).app.id;
        const page = await flags.page({ ...query, appId, owner: owner === undefined ? undefined : objectId(owner) });
        const next = page.length < query.limit ? null : (page.at(-1)?.key ?? null);
        return { flags: page.map(listedFlagView), next };
      },
    );

    app.get(
      PATH,
      {
        ...guard.inApp('flags:read'),
        schema: { tags, summary: 'A flag; its ETag is its version', params: FlagParams, response: { 200: FlagView } },
      },
      async (request, reply) => {
        const doc = await found(guard.appOf(request).app.id, request.params.flagKey);
        return withVersion(reply, doc.version ?? 1).send(flagView(doc));
      },
    );

    app.patch(
      PATH,
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'Change a flag part by part, a list as a whole; with If-Match only the version that was read',
          params: FlagParams,
          body: ChangeFlagRequest,
          response: { 200: FlagView },
        },
      },
      async (request, reply) => {
        const by = changedDirectly(guard, request, request.body.note);
        const change = contentChange(request.body);
        await mustBeOfApp(change.owner, by.appId);
        const { flagKey } = request.params;
        const doc = await flagChanges.change({ ...by, flagKey, ifVersion: ifMatch(request), change });
        return withVersion(reply, doc.version ?? 1).send(flagView(doc));
      },
    );

    const verbs = [
      ['kill', 'Switch a flag off at once, whatever its rules say', changedBy],
      ['revive', 'Take the kill switch off again', changedDirectly],
      ['archive', 'Take a flag out of use; its key stays taken', changedDirectly],
      ['restore', 'Bring an archived flag back', changedDirectly],
    ] as const;
    for (const [verb, summary, changer] of verbs) {
      app.post(
        `${PATH}/${verb}`,
        {
          ...guard.inApp('flags:write'),
          schema: { tags, summary, params: FlagParams, body: NoteRequest, response: { 200: FlagView } },
        },
        async (request, reply) => {
          const by = changer(guard, request, request.body.note);
          const { flagKey } = request.params;
          const doc = await flagChanges[verb]({ ...by, flagKey, ifVersion: ifMatch(request) });
          return withVersion(reply, doc.version ?? 1).send(flagView(doc));
        },
      );
    }

    app.post(
      `${PATH}/revert`,
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'Make a flag again what it was at a version; that is a new version',
          params: FlagParams,
          body: RevertFlagRequest,
          response: { 200: FlagView },
        },
      },
      async (request, reply) => {
        const { version, note } = request.body;
        const by = changedBy(guard, request, note);
        const { flagKey } = request.params;
        const doc = await flagChanges.revert({ ...by, flagKey, version, ifVersion: ifMatch(request) });
        return withVersion(reply, doc.version ?? 1).send(flagView(doc));
      },
    );

    app.get(
      `${PATH}/revisions`,
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'What a flag was, newest first: who changed it, when and why',
          params: FlagParams,
          querystring: RevisionsQuery,
          response: { 200: RevisionsView },
        },
      },
      async (request) => {
        const { id } = guard.appOf(request).app;
        const { key } = await found(id, request.params.flagKey);
        const page = await flagRevisions.page(id, key, request.query);
        const next = page.length < request.query.limit ? null : (page.at(-1)?.version ?? null);
        return { revisions: page.map(listedRevisionView), next };
      },
    );

    app.get(
      `${PATH}/revisions/:version`,
      {
        ...guard.inApp('flags:read'),
        schema: { tags, summary: 'A flag at a version', params: RevisionParams, response: { 200: RevisionView } },
      },
      async (request) => {
        const { flagKey, version } = request.params;
        const doc = await flagRevisions.find(guard.appOf(request).app.id, flagKey, version);
        if (doc !== undefined) return revisionView(doc);
        throw new PlatformError('NOT_FOUND', `no version ${String(version)} of a flag ${flagKey} in this app`);
      },
    );
  };
}
