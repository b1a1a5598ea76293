import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import type { Apps } from '../db/apps.js';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../domain/app.js';
import { entryBytes } from '../domain/entry-bytes.js';

const SETTINGS_BYTES = 16 * 1024 * 1024;
/** Of settings, for each character that they have as JSON. */
const BYTES_A_CHARACTER = 8;
const TRUSTED_MS = 5_000;

/** What apps have set for themselves, at most a few seconds old; the default for one that is gone. */
export function appSettings(apps: Pick<Apps, 'page'>) {
  const known = new LRUCache<string, AppConfig>({
    maxSize: SETTINGS_BYTES,
    sizeCalculation: (config, hex) => entryBytes(hex) + BYTES_A_CHARACTER * JSON.stringify(config).length,
    ttl: TRUSTED_MS,
  });
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
