import { ObjectId } from 'mongodb';
import { flagLifeDeps } from '../../activities/flag-life-deps.js';
import { flagSetDeps } from '../../activities/flag-set-deps.js';
import { flagSetActivities } from '../../activities/flag-sets.js';
import { flagPreviewActivities } from '../../activities/flag-previews.js';
import { flagRequestActivities } from '../../activities/flag-requests.js';
import { flagUsageActivities } from '../../activities/flag-usage.js';
import { profileIdOf } from '../../db/ids.js';
import { groupWorkers } from './group-worker.js';
import { management } from './management.js';

export type FlagLife = Awaited<ReturnType<typeof flagLife>>;

/** The management API with a worker for what happens to flags before the save, in a Temporal namespace of its own. */
export async function flagLife(purpose: string) {
  const temporal = await groupWorkers();
  const away = { is: false };
  const base = await management(purpose, { temporal: () => (away.is ? undefined : temporal.client) });
  const { client, db } = base;
  const woken: string[] = [];
  const wakeFlagSets = async (_appId: string, app: string): Promise<void> => {
    woken.push(app);
  };
  const deps = flagLifeDeps({ client, db, wakeFlagSets });
  const activities = {
    ...flagPreviewActivities(deps),
    ...flagRequestActivities(deps),
    ...flagUsageActivities(deps),
    // Woken by each change over the API.
    ...flagSetActivities(flagSetDeps({ client, db, wakeFlagSets })),
  };
  const shop = await base.register('shop');

  return {
    ...base,
    ...{ temporal, deps, activities, shop, woken, away },
    worker: (own: object = activities) => temporal.worker(own),
    as: (token: string) => (method: string, path: string, body?: object) =>
      base.ask(token, method, `/v1/apps/shop/${path}`, body),

    /** Profiles as an identify stores them. */
    async people(appId: ObjectId, people: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
      const at = new Date();
      await db.collection('profiles').insertMany(
        Object.entries(people).map(([externalId, attributes]) => ({
          ...{ appId, profileId: profileIdOf(appId, externalId), externalId, attributes },
          ...{ firstSeen: at, lastSeen: at },
        })),
      );
    },

    async close() {
      await temporal.close();
      await base.close();
    },
  };
}
