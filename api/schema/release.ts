import { type Static, Type } from '@fastify/type-provider-typebox';
import type { ReleaseGroupCounts } from '../../db/release-groups.js';
import type { SessionTotals } from '../../db/release-sessions.js';
import { DECLARED_BY, type ReleaseDoc } from '../../db/releases.js';
import { APP_SLUG } from '../../domain/app.js';
import { Instant, iso, Next, NullableInstant } from './common.js';

/** As long as clients may state it. */
export const Version = Type.String({
  minLength: 1,
  maxLength: 200,
  // No dots alone: a URL cannot name them.
  pattern: '^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f]*$',
  description: 'The release as the clients state it, `1.2.3` or `shop@1.2.3`.',
});

export const ReleaseParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), version: Version });

export const DeployRequest = Type.Object(
  {
    version: Version,
    environment: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Where it went live.' })),
    at: Type.Optional(Instant),
  },
  { additionalProperties: false },
);

const Count = Type.Integer({ minimum: 0 });
const Rate = Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
  description: 'Null where there were none.',
});

const Sessions = Type.Object({
  total: Count,
  ok: Count,
  errored: Count,
  abnormal: Count,
  crashed: Count,
  crashFree: Rate,
});

const Profiles = Type.Object({ total: Count, crashed: Count, crashFree: Rate });

const releaseFields = {
  releaseId: Type.String(),
  version: Type.String(),
  firstSeen: Type.String({ format: 'date-time' }),
  lastSeen: Type.String({ format: 'date-time', description: 'May lag by an hour.' }),
  declaredAt: NullableInstant,
  declaredBy: Type.Union([Type.Enum([...DECLARED_BY]), Type.Null()]),
  deploys: Type.Array(Type.Object({ environment: Type.String(), at: Type.String({ format: 'date-time' }) })),
  sessions: Sessions,
  profiles: Profiles,
};

export const ReleaseView = Type.Object(releaseFields);
export type ReleaseView = Static<typeof ReleaseView>;

export const ReleasesView = Type.Object({ releases: Type.Array(ReleaseView), next: Next });

export const ReleaseDetailView = Type.Object({
  ...releaseFields,
  environments: Type.Array(Type.Object({ environment: Type.String(), sessions: Sessions })),
  sourceMaps: Count,
  groups: Type.Integer({ minimum: 0, description: 'Error groups seen in it, up to 10,000.' }),
  newGroups: Type.Integer({ minimum: 0, description: 'Of them, those seen in no release before it.' }),
});
export type ReleaseDetailView = Static<typeof ReleaseDetailView>;

const NONE: SessionTotals = { ok: 0, errored: 0, abnormal: 0, crashed: 0, profiles: 0, crashedProfiles: 0 };

const free = (total: number, crashed: number): number | null => (total === 0 ? null : (total - crashed) / total);

function sessionsView({ ok, errored, abnormal, crashed }: SessionTotals): Static<typeof Sessions> {
  const total = ok + errored + abnormal + crashed;
  return { total, ok, errored, abnormal, crashed, crashFree: free(total, crashed) };
}

export function releaseView(doc: ReleaseDoc, totals: SessionTotals = NONE): ReleaseView {
  const { profiles: total, crashedProfiles: crashed } = totals;
  return {
    releaseId: doc._id.toHexString(),
    version: doc.version,
    firstSeen: doc.firstSeen.toISOString(),
    lastSeen: doc.lastSeen.toISOString(),
    declaredAt: iso(doc.declaredAt),
    declaredBy: doc.declaredBy ?? null,
    deploys: (doc.deploys ?? []).map(({ environment, at }) => ({ environment, at: at.toISOString() })),
    sessions: sessionsView(totals),
    profiles: { total, crashed, crashFree: free(total, crashed) },
  };
}

interface Detail extends ReleaseGroupCounts {
  readonly totals: SessionTotals | undefined;
  readonly environments: ReadonlyMap<string, SessionTotals>;
  readonly sourceMaps: number;
}

export const releaseDetailView = (doc: ReleaseDoc, detail: Detail): ReleaseDetailView => ({
  ...releaseView(doc, detail.totals),
  environments: [...detail.environments].map(([environment, totals]) => ({
    environment,
    sessions: sessionsView(totals),
  })),
  sourceMaps: detail.sourceMaps,
  groups: detail.groups,
  newGroups: detail.newGroups,
});
