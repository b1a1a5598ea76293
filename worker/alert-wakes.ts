import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { quietly } from '../domain/guarded.js';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { alertDispatch, alertDispatchWake } from '../workflows/alert-dispatch.js';
import { errorGroup, errorGroupWake } from '../workflows/error-group.js';

interface Deps {
  readonly client: Pick<Client, 'workflow'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly everyMs?: number;
}

/** A workflow takes a few signals a second and no more, and each worker may have many flushes a second. */
const EVERY_MS = 1_000;

/** Wakes the workflow that tells of alerts. A wake that is lost costs a minute: `errorWatch` looks for what waits. */
export function alertWakes({ client, log, everyMs = EVERY_MS }: Deps) {
  let timer: NodeJS.Timeout | undefined;
  let again = false;

  const wakeDispatch = async (): Promise<void> => {
    await client.workflow.signalWithStart(alertDispatch, { ...alertDispatchWake, taskQueue: TASK_QUEUE });
  };

  function onAlerts(): void {
    if (timer !== undefined) {
      again = true;
      return;
    }
    timer = setTimeout(() => {
      timer = undefined;
      if (!again) return;
      again = false;
      onAlerts();
    }, everyMs).unref();
    void quietly(wakeDispatch, (err) => log.warn({ err }, 'alerts wait for the next look'));
  }

  /** Begins the group's workflow where there is none: a status that changed without it may want a timer. */
  async function wakeGroup(groupId: string): Promise<void> {
    await client.workflow.signalWithStart(errorGroup, { ...errorGroupWake(groupId), taskQueue: TASK_QUEUE });
  }

  return { wakeDispatch, wakeGroup, onAlerts };
}
