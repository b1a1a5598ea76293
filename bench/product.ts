import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What a bench calls of the built product itself: of the checkout that it runs, whose collections are its own. */
export async function productOf(root: string) {
  const load = (file: string): Promise<unknown> => import(pathToFileURL(join(root, 'dist', file)).href);
  const { applySchema } = (await load('db/schema.js')) as typeof import('../db/schema.js');
  const { spool } = (await load('db/spool.js')) as typeof import('../db/spool.js');
  const { firstRun } = (await load('api/first-owner.js')) as typeof import('../api/first-owner.js');
  const { registry } = (await load('api/management.js')) as typeof import('../api/management.js');
  return { applySchema, spool, firstRun, registry };
}
