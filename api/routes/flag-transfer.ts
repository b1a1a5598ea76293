import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FlagDefinitions } from '../../db/flag-definitions.js';
import type { ImportFlags } from '../../db/flag-import.js';
import { PlatformError } from '../../domain/errors.js';
import { sizeFault } from '../../domain/flag-definition.js';
import type { Guard } from '../access.js';
import { changedDirectly, ifMatch, takeAnyJson, withVersion } from '../flags/definition-routes.js';
import { breather, steadilyMapped } from '../ingest/turns.js';
import { AppParams } from '../schema/app.js';
import { exportedFlag, importedFlag } from '../schema/flag.js';
import { plainSegmentView, segmentOf } from '../schema/flag-segment.js';
import { FLAG_FORMAT, FlagExportView, ImportFlagsRequest, ImportReportView } from '../schema/flag-transfer.js';

interface Deps {
  readonly guard: Guard;
  readonly flagDefinitions: Pick<FlagDefinitions, 'export'>;
  readonly importFlags: ImportFlags;
}

const tags = ['flags'];

/** Before anything else is done with it. @throws REQUEST_INVALID */
function mustBeSmall<T extends { readonly key: string }>(what: string, definition: T): T {
  const fault = sizeFault(definition);
  if (fault === undefined) return definition;
  throw new PlatformError('REQUEST_INVALID', `the ${what} ${definition.key} ${fault.why}`);
}

const IMPORT_BYTES = 8 * 1024 * 1024;

export function flagTransferRoutes({ guard, flagDefinitions, importFlags }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    takeAnyJson(app);

    app.get(
      '/v1/apps/:appId/flag-export',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'All flags that are not archived, and all segments, of one version of the app, which is the ETag',
          params: AppParams,
          response: { 200: FlagExportView },
        },
      },
      async (request, reply) => {
        const { app: owner } = guard.appOf(request);
        const { version, flags, segments } = await flagDefinitions.export(owner.id);
        return withVersion(reply, version).send({
          format: FLAG_FORMAT,
          app: owner.appId,
          version,
          flags: flags.map(exportedFlag),
          segments: segments.map(plainSegmentView),
        });
      },
    );

    app.post(
      '/v1/apps/:appId/flag-import',
      {
        ...guard.inApp('flags:write'),
        bodyLimit: IMPORT_BYTES,
        schema: {
          tags,
          summary: 'Bring flags and segments to what is given, all or none, in one step; those not named stay',
          params: AppParams,
          body: ImportFlagsRequest,
          response: { 200: ImportReportView },
        },
      },
      async (request, reply) => {
        const { flags, segments, note } = request.body;
        const by = changedDirectly(guard, request, note);
        const breathe = breather();
        const given = {
          flags: await steadilyMapped(flags, (flag) => importedFlag(mustBeSmall('flag', flag)), breathe),
          segments: await steadilyMapped(segments, (segment) => segmentOf(mustBeSmall('segment', segment)), breathe),
        };
        const report = await importFlags({ ...by, ...given, ifVersion: ifMatch(request) });
        return withVersion(reply, report.version).send(report);
      },
    );
  };
}
