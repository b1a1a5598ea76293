import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { ObjectId } from 'mongodb';
import { quietly } from '../../domain/guarded.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { flagSets, flagSetsChanged } from '../../workflows/flag-sets.js';

interface Deps {
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  readonly log: { warn(facts: object, message: string): void };
  readonly everyMs?: number;
}

/** A workflow takes five signals a second and no more, and there may be other API processes. */
const EVERY_MS = 500;
const DRAIN_MS = 2_000;

/**
 * Tells the workflow that keeps an app's sets of changes: at once, and of those that follow together. One that is lost
 * costs a minute: a schedule finds apps whose sets are behind. Answers do not depend on it.
 */
export function flagSignaller({ temporal, log, everyMs = EVERY_MS }: Deps) {
  /** Apps that were told of lately, each with whether there is more to tell. */
  const resting = new Map<string, { readonly timer: NodeJS.Timeout; readonly app: string; again: boolean }>();
  const sending = new Set<Promise<void>>();

  const send = (appId: string, app: string): Promise<void> =>
    quietly(
      async () => {
        const client = temporal();
        if (client === undefined) throw new Error('Temporal is away');
        await client.workflow.signalWithStart(flagSets, { ...flagSetsChanged(appId, app), taskQueue: TASK_QUEUE });
      },
      (err) => log.warn({ err, appId, app }, 'flag sets are brought to the new version by the next sweep'),
    );

  function tell(appId: string, app: string): void {
    const timer = setTimeout(() => {
      const rested = resting.get(appId);
      resting.delete(appId);
      if (rested?.again === true) tell(appId, rested.app);
    }, everyMs);
    resting.set(appId, { timer, app, again: false });
    const sent = send(appId, app).finally(() => sending.delete(sent));
    sending.add(sent);
  }

  return {
    onChanged(appId: ObjectId, app: string): void {
      const hex = appId.toHexString();
      const rested = resting.get(hex);
      if (rested === undefined) tell(hex, app);
      else rested.again = true;
    },

    /** Tells what is still to be told; for a stop, which does not wait long for a Temporal that is slow. */
    async drain(): Promise<void> {
      for (const [appId, { timer, app, again }] of resting) {
        clearTimeout(timer);
        if (again) sending.add(send(appId, app));
      }
      resting.clear();
      await Promise.race([Promise.all(sending), sleep(DRAIN_MS, undefined, { ref: false })]);
    },
  };
}
