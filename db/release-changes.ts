import type { ObjectId } from 'mongodb';
import type { Actor, Audited } from './audit.js';
import type { ReleaseDoc, Releases } from './releases.js';

interface Deps {
  readonly audited: Audited;
  readonly releases: Pick<Releases, 'find' | 'declare'>;
}

interface Deploy {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly version: string;
  readonly environment: string | undefined;
  readonly at: Date;
}

const releaseFacts = ({ version, declaredAt, declaredBy, deploys }: ReleaseDoc) => ({
  version,
  declaredAt,
  declaredBy: declaredBy ?? null,
  deploys: deploys ?? [],
});

/** What people and their build servers may do to releases, each with its audit entry. */
export function releaseChanges({ audited, releases }: Deps) {
  return {
    /** That a release went live, which declares it. Telling it twice changes nothing. */
    deploy({ actor, appId, version, environment, at }: Deploy): Promise<ReleaseDoc> {
      return audited(async (session) => {
        const found = await releases.find(appId, version, session);
        const release = await releases.declare({ appId, version, by: 'deploy', at, environment }, session);
        const before = found === undefined ? null : releaseFacts(found);
        const after = releaseFacts(release);
        if (JSON.stringify(before) === JSON.stringify(after)) return { result: release };
        const target = { kind: 'release', id: release._id };
        return { result: release, entry: { appId, actor, action: 'release.deployed', target, before, after } };
      });
    },
  };
}

export type ReleaseChanges = ReturnType<typeof releaseChanges>;
