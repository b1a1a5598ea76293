import assert from 'node:assert/strict';
import { asking, type Ask, ownerToken } from './people.js';
import { pick, pickList, pickText } from './pick.js';
import { dsnOf } from './sentry.js';
import { runningSystem, type System } from './system.js';
import { until } from './until.js';

/** Asks again until the answer is as it should be. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  let answer: T | undefined;
  const { last } = await until(
    () => `the last answer: ${JSON.stringify(answer)}`,
    async () => {
      const last = (answer = await ask());
      return holds(last) && { last };
    },
  );
  return last;
}

/** Some fields of an answer. */
export const fields = (json: unknown, ...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, pick(json, name)]));

/** The running product and an app in it, all over the API: with a developer, a build server, and the clients' DSN. */
export async function errorStory(appId: string) {
  const system = await runningSystem(`story-${appId}`, { env: { WEBHOOK_ALLOW_PRIVATE: 'true' } });
  try {
    return { system, ...(await begun(system, appId)) };
  } catch (error) {
    await system.stop();
    throw error;
  }
}

async function begun(system: System, appId: string) {
  await Promise.all([system.api.start(), system.worker.start()]);
  const owner = asking(system.url, await ownerToken(system));
  const registered = await owner('POST', '/v1/apps', { appId, name: appId });
  const app = { dsnId: Number(pick(registered, 'app', 'dsnId')) };
  const serverKey = await owner('POST', `/v1/apps/${appId}/keys`, { kind: 'server' });
  const member = await owner('POST', `/v1/apps/${appId}/members`, { name: 'Grace', role: 'developer' });
  const inApp =
    (ask: Ask): Ask =>
    (method, path, body) =>
      ask(method, `/v1/apps/${appId}${path}`, body);
  const grace = inApp(asking(system.url, pickText(member, 'token')));

  return {
    dsn: dsnOf(system.url, { app, key: pickText(registered, 'clientKey', 'key') }),
    /** Who may do all. */
    owner: inApp(owner),
    /** A developer. */
    grace,
    graceId: pickText(member, 'memberId'),
    build: inApp(asking(system.url, pickText(serverKey, 'key'))),
    verb: (groupId: string, name: string, body: object) => grace('POST', `/errors/${groupId}/${name}`, body),
    /** The app's one group as its list shows it, once it has so many occurrences. */
    async onlyGroup(count: number): Promise<unknown> {
      const list = await eventually(
        () => grace('GET', '/errors'),
        (answer) => pickList(answer, 'groups').some((group) => pick(group, 'occurrenceCount') === count),
      );
      const groups = pickList(list, 'groups');
      assert.equal(groups.length, 1, JSON.stringify(groups));
      return groups[0];
    },
  };
}

export type ErrorStory = Awaited<ReturnType<typeof errorStory>>;
