import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { failureInterceptor } from '../../worker/failure-interceptor.js';
import { registerSearchAttributes } from '../../worker/search-attributes.js';
import { registerNamespace } from './system.js';
import { testBundle, testTemporal, unique } from './temporal.js';

/** Workers for the product's own task queue, in a namespace where nobody else listens to it. */
export async function groupWorkers() {
  const { connection, close } = await testTemporal();
  const namespace = unique('groups');
  await registerNamespace(connection, namespace);
  await registerSearchAttributes(connection, namespace);
  const stops = new Set<() => Promise<void>>();

  return {
    client: new Client({ connection, namespace }),

    /** Starts one; what it gives stops it. */
    async worker(activities: object, taskQueue = TASK_QUEUE): Promise<() => Promise<void>> {
      const worker = await Worker.create({
        connection,
        namespace,
        taskQueue,
        workflowBundle: testBundle(),
        activities,
        interceptors: { activity: [() => ({ inbound: failureInterceptor })] },
      });
      const running = worker.run();
      const stop = async (): Promise<void> => {
        stops.delete(stop);
        worker.shutdown();
        await running;
      };
      stops.add(stop);
      return stop;
    },

    async close(): Promise<void> {
      await Promise.all([...stops].map((stop) => stop()));
      await connection.operatorService.deleteNamespace({ namespace });
      await close();
    },
  };
}
