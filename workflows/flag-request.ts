import {
  allHandlersFinished,
  condition,
  defineSignal,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { FlagRequestActivities } from '../activities/flag-requests.js';
import {
  isOpen,
  REQUEST_VERBS,
  requestMessageFault,
  type RequestMessage,
  type RequestOutcome,
  type RequestState,
  type RequestVerb,
} from '../domain/flag-request.js';
import { askedByPeople, queue } from './asked-by-people.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface FlagRequestInput {
  /** Hex. */
  readonly requestId: string;
  readonly expiresAtMs: number;
}

/** Each verb is an update, for who waits for the answer, and a signal, for who does not. */
export const requestUpdate = (verb: RequestVerb) => defineUpdate<RequestOutcome, [RequestMessage]>(verb);
export const requestSignal = (verb: RequestVerb) => defineSignal<[RequestMessage]>(verb);

/** @param app the slug */
export const flagRequestRun = (input: FlagRequestInput, app: string) => ({
  workflowId: `flag-request/${input.requestId}`,
  args: [input] as [FlagRequestInput],
  typedSearchAttributes: [
    { key: SEARCH_ATTRIBUTES.kind, value: 'flag-request' },
    { key: SEARCH_ATTRIBUTES.apps, value: [app] },
    { key: SEARCH_ATTRIBUTES.dueAt, value: new Date(input.expiresAtMs) },
  ],
  staticSummary: 'A change of flags that waits for a second person',
});

const quick = proxyLocalActivities<Pick<FlagRequestActivities, 'lookAtRequest' | 'decideRequest'>>({
  startToCloseTimeout: '8 seconds',
  scheduleToCloseTimeout: '10 minutes',
});
// What was approved is made, however long it takes.
const { applyRequest, expireRequest } = proxyActivities<Pick<FlagRequestActivities, 'applyRequest' | 'expireRequest'>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
});

/** Waits for a second person, and makes the change that they approve. The request itself stands in MongoDB. */
export async function flagRequest({ requestId, expiresAtMs }: FlagRequestInput): Promise<RequestState | 'gone'> {
  let state = 'pending' as RequestState | undefined;
  const inTurn = queue();
  const step = () => ({ requestId, now: new Date().toISOString() });

  function take(next: RequestState | undefined): void {
    state = next;
    setCurrentDetails(`**${next ?? 'gone'}**`);
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: next ?? 'gone' }]);
  }

  async function follow(outcome: RequestOutcome): Promise<RequestOutcome> {
    if (outcome.outcome !== 'done') return outcome;
    take(outcome.state);
    if (outcome.state !== 'approved') return outcome;
    const applied = await applyRequest(step());
    if (applied.outcome === 'done') take(applied.state);
    return applied;
  }

  for (const verb of REQUEST_VERBS) {
    askedByPeople({
      name: verb,
      update: requestUpdate(verb),
      signal: requestSignal(verb),
      faultOf: requestMessageFault,
      carryOut: (message: RequestMessage): Promise<RequestOutcome> =>
        inTurn(async () => follow(await quick.decideRequest({ ...step(), verb, message }))),
      about: { requestId },
    });
  }

  const hasEnded = (): boolean => state === undefined || !isOpen(state);
  // A run that was begun again finds what an earlier one has left, unless a message before us has seen to it.
  await inTurn(async () => {
    if (hasEnded()) return;
    const found = await quick.lookAtRequest({ requestId });
    take(found);
    if (found === 'approved') await follow({ outcome: 'done', state: found, reason: null });
  });

  const wait = Math.max(1, expiresAtMs - Date.now());
  if (!(await condition(hasEnded, wait, { summary: 'nobody has decided' }))) {
    await inTurn(async () => {
      if (state === 'pending') await follow(await expireRequest(step()));
    });
  }
  await condition(allHandlersFinished);
  return state ?? 'gone';
}
