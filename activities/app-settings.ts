import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import type { Apps } from '../db/apps.js';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../domain/app.js';

const MOST_APPS = 1_000;
const TRUSTED_MS = 5_000;

/** What apps have set for themselves, at most a few seconds old; the default for one that is gone. */
export function appSettings(apps: Pick<Apps, 'page'>) {
  const known = new LRUCache<string, AppConfig>({ max: MOST_APPS, ttl: TRUSTED_MS });
  return async (appId: ObjectId): Promise<AppConfig> => {
    const hex = appId.toHexString();
    const cached = known.get(hex);
    if (cached) return cached;
    const [app] = await apps.page({ ids: [appId], limit: 1 });
    const config = app?.config ?? DEFAULT_APP_CONFIG;
    known.set(hex, config);
    return config;
  };
}

export type AppSettings = ReturnType<typeof appSettings>;
