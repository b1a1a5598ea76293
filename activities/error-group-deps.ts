import type { Db, MongoClient } from 'mongodb';
import { apps } from '../db/apps.js';
import { errorAutoResolve } from '../db/error-auto-resolve.js';
import { errorProfileMoves } from '../db/error-profile-moves.js';
import { errorTimers } from '../db/error-timers.js';
import { errorVerbs } from '../db/error-verbs.js';
import { members } from '../db/members.js';
import { releases } from '../db/releases.js';
import type { ErrorGroupDeps } from './error-groups.js';

/** What the activities on error groups work with, over one database. */
export function errorGroupDeps({ client, db }: { readonly client: MongoClient; readonly db: Db }): ErrorGroupDeps {
  const stores = { client, db, apps: apps(db), members: members(db), releases: releases(db) };
  return {
    errorVerbs: errorVerbs(stores),
    errorTimers: errorTimers(stores),
    errorProfileMoves: errorProfileMoves(stores),
    errorAutoResolve: errorAutoResolve(stores),
  };
}
