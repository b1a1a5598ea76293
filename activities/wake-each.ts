import { slices } from '../db/slices.js';

const AT_ONCE = 20;

/** Wakes each, some at a time. One that fails stops none of the others: those that failed, by their id. */
export async function wakeEach<Id>(ids: readonly Id[], wake: (id: Id) => Promise<void>): Promise<Map<Id, unknown>> {
  const failures = new Map<Id, unknown>();
  const one = async (id: Id): Promise<void> => {
    try {
      await wake(id);
    } catch (error) {
      failures.set(id, error);
    }
  };
  for (const some of slices(ids, AT_ONCE)) await Promise.all(some.map(one));
  return failures;
}

/** As `wakeEach`. @throws AggregateError once all others are awake, so that the activity is tried again */
export async function wakeAll<Id>(ids: readonly Id[], wake: (id: Id) => Promise<void>): Promise<void> {
  const failures = [...(await wakeEach(ids, wake)).values()];
  if (failures.length > 0) throw new AggregateError(failures, `not all are awake: ${String(failures[0])}`);
}
