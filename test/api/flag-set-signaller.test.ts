import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { ObjectId } from 'mongodb';
import { flagSignaller } from '../../api/flags/signaller.js';
import { SLACK_MS, until } from '../helper/until.js';

const [APP, OTHER] = [new ObjectId(), new ObjectId()];

/** A client that remembers what it was told, or fails. */
function temporal(tell: () => Promise<void> = () => Promise.resolve()) {
  const told: string[] = [];
  const workflow = {
    async signalWithStart(_workflow: unknown, { workflowId }: { workflowId: string }): Promise<void> {
      told.push(workflowId);
      await tell();
    },
  };
  return { told, client: { workflow } as unknown as Client };
}
const warnings = () => {
  const said: string[] = [];
  return { said, log: { warn: (_facts: object, message: string) => said.push(message) } };
};
const idOf = (app: ObjectId): string => `flag-sets/${app.toHexString()}`;

describe('the workflow of an app that changes', () => {
  it('is told at once, and of what follows together', async () => {
    const { told, client } = temporal();
    const { onChanged, drain } = flagSignaller({ temporal: () => client, ...warnings(), everyMs: 100 });
    for (let n = 0; n < 50; n++) onChanged(APP, 'shop');
    onChanged(OTHER, 'blog');
    assert.deepEqual(told, [idOf(APP), idOf(OTHER)]);
    await until('the rest', () => told.length > 2);
    assert.deepEqual(told, [idOf(APP), idOf(OTHER), idOf(APP)]);
    await sleep(250);
    assert.equal(told.length, 3, 'there is nothing more to tell');
    onChanged(APP, 'shop');
    assert.equal(told.length, 4);
    await drain();
  });

  it('is told twice a second at most, however long it changes', async () => {
    const { told, client } = temporal();
    const { onChanged, drain } = flagSignaller({ temporal: () => client, ...warnings() });
    const began = performance.now();
    while (performance.now() - began < 1_200) {
      onChanged(APP, 'shop');
      await sleep(5);
    }
    const most = 1 + Math.floor((performance.now() - began) / 500);
    assert.ok(told.length >= 2 && told.length <= most, `${String(told.length)} of ${String(most)}`);
    await drain();
  });

  it('is told of the last change before the process stops', async () => {
    const { told, client } = temporal();
    const { onChanged, drain } = flagSignaller({ temporal: () => client, ...warnings(), everyMs: 60_000 });
    onChanged(APP, 'shop');
    onChanged(APP, 'shop');
    assert.equal(told.length, 1);
    await drain();
    assert.equal(told.length, 2);
  });

  it('is found by the sweep where it could not be told: nothing fails', async () => {
    const { said, log } = warnings();
    const away = flagSignaller({ temporal: () => undefined, log });
    away.onChanged(APP, 'shop');
    await away.drain();
    const { client } = temporal(() => Promise.reject(new Error('no')));
    const failing = flagSignaller({ temporal: () => client, log });
    failing.onChanged(APP, 'shop');
    await failing.drain();
    assert.equal(said.length, 2);
  });

  it('does not keep a process that stops from stopping', async () => {
    const { client } = temporal(() => new Promise(() => undefined));
    const { onChanged, drain } = flagSignaller({ temporal: () => client, ...warnings() });
    onChanged(APP, 'shop');
    const began = performance.now();
    const alive = setInterval(() => undefined, 1_000);
    await drain();
    clearInterval(alive);
    assert.ok(performance.now() - began < 2_000 + SLACK_MS);
  });
});
