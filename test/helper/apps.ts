import { ObjectId } from 'mongodb';
import type { App } from '../../db/apps.js';
import { DEFAULT_APP_CONFIG } from '../../domain/app.js';

/** An app as the API knows it, without a database. */
export const appOf = (appId: string, config: Partial<App['config']> = {}): App => ({
  id: new ObjectId(),
  appId,
  name: appId,
  dsnId: 1,
  config: { ...DEFAULT_APP_CONFIG, ...config },
  identity: { version: 1, previousUntil: null },
  createdAt: new Date(0),
});
