import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { ReleaseChanges } from '../../db/release-changes.js';
import type { ReleaseGroups } from '../../db/release-groups.js';
import type { Sessions } from '../../db/release-sessions.js';
import type { Releases } from '../../db/releases.js';
import type { SourceMaps } from '../../db/source-maps.js';
import { PlatformError } from '../../domain/errors.js';
import { DAY_MS } from '../../domain/limits.js';
import type { Guard } from '../access.js';
import type { KeyOrMember } from '../key-or-member.js';
import { AppParams } from '../schema/app.js';
import { instant, nextPage, objectId, PageQuery } from '../schema/common.js';
import {
  DeployRequest,
  releaseDetailView,
  ReleaseDetailView,
  ReleaseParams,
  ReleasesView,
  releaseView,
  ReleaseView,
} from '../schema/release.js';

interface Deps {
  readonly guard: Guard;
  readonly keyOrMember: KeyOrMember;
  readonly releases: Pick<Releases, 'find' | 'page'>;
  readonly releaseChanges: ReleaseChanges;
  readonly releaseGroups: ReleaseGroups;
  readonly sessions: Pick<Sessions, 'totals' | 'byEnvironment'>;
  readonly sourceMaps: Pick<SourceMaps, 'countOf'>;
}

const tags = ['releases'];

/** When it went live: now, or earlier. A clock may be a day off; a release from the future would stay the latest. */
function pastInstant(text: string | undefined): Date {
  const now = Date.now();
  if (text === undefined) return new Date(now);
  const at = instant(text);
  if (at.getTime() <= now + DAY_MS) return at;
  throw new PlatformError('REQUEST_INVALID', `at ${text} lies ahead`);
}

export function releaseRoutes(deps: Deps): FastifyPluginAsyncTypebox {
  const { guard, keyOrMember, releases, releaseChanges, releaseGroups, sessions, sourceMaps } = deps;
  return async (app) => {
    app.post(
      '/v1/apps/:appId/releases',
      {
        ...keyOrMember.inApp('releases:write'),
        schema: {
          tags,
          summary: 'Tell that a release went live, which declares it; telling it again changes nothing',
          params: AppParams,
          body: DeployRequest,
          response: { 200: ReleaseView },
        },
      },
      async (request) => {
        const { app: owner, actor } = keyOrMember.senderOf(request);
        const { version, environment, at } = request.body;
        const deploy = { actor, appId: owner.id, version, environment, at: pastInstant(at) };
        const doc = await releaseChanges.deploy(deploy);
        return releaseView(doc, (await sessions.totals(owner.id, [version])).get(version));
      },
    );

    app.get(
      '/v1/apps/:appId/releases',
      {
        ...guard.inApp('errors:read'),
        schema: {
          tags,
          summary: 'Releases by when they were first seen, newest first, with their crash-free rates',
          params: AppParams,
          querystring: PageQuery,
          response: { 200: ReleasesView },
        },
      },
      async (request) => {
        const { limit, before } = request.query;
        const { id } = guard.appOf(request).app;
        const docs = await releases.page(id, { limit, before: before === undefined ? undefined : objectId(before) });
        const totals = await sessions.totals(
          id,
          docs.map(({ version }) => version),
        );
        return {
          releases: docs.map((doc) => releaseView(doc, totals.get(doc.version))),
          next: nextPage(docs, limit),
        };
      },
    );

    app.get(
      '/v1/apps/:appId/releases/:version',
      {
        ...guard.inApp('errors:read'),
        schema: { tags, params: ReleaseParams, response: { 200: ReleaseDetailView } },
      },
      async (request) => {
        const { id } = guard.appOf(request).app;
        const { version } = request.params;
        const doc = await releases.find(id, version);
        if (doc === undefined) throw new PlatformError('NOT_FOUND', 'no such release of this app');
        const [totals, environments, count, groups] = await Promise.all([
          sessions.totals(id, [version]),
          sessions.byEnvironment(id, version),
          sourceMaps.countOf(id, version),
          releaseGroups.counts(id, version),
        ]);
        return releaseDetailView(doc, { totals: totals.get(version), environments, sourceMaps: count, ...groups });
      },
    );
  };
}
