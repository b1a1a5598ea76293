import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ErrorGroupActivities, ResolvedApp } from '../activities/error-groups.js';

/** Also the id of its schedule. */
export const ERROR_AUTO_RESOLVE_ID = 'error-auto-resolve';

const APPS_SHOWN = 50;

const { resolveQuietGroups } = proxyActivities<Pick<ErrorGroupActivities, 'resolveQuietGroups'>>({
  startToCloseTimeout: '50 minutes',
  scheduleToCloseTimeout: '50 minutes',
  heartbeatTimeout: '2 minutes',
  summary: 'Resolve what is quiet, where apps want it',
});

/** Resolves groups that have been quiet for as long as their app says; off unless it says so. */
export async function errorAutoResolve(): Promise<readonly ResolvedApp[]> {
  const apps = await resolveQuietGroups({ now: new Date().toISOString() });
  const lines = apps.slice(0, APPS_SHOWN).map(({ appId, resolved }) => `| ${appId} | ${String(resolved)} |`);
  setCurrentDetails(
    apps.length === 0 ? 'Nothing was quiet.' : ['| app | resolved |', '|---|---:|', ...lines].join('\n'),
  );
  return apps;
}
