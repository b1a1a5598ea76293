import type { SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { ApplicationFailure, log, setHandler } from '@temporalio/workflow';

interface Verb<M, O> {
  readonly name: string;
  readonly update: UpdateDefinition<O, [M]>;
  readonly signal: SignalDefinition<[M]>;
  /** What is wrong with a message that has come from anywhere. */
  readonly faultOf: (message: M) => string | undefined;
  /** Told of each message, whatever is wrong with it: a history has room for so many. */
  readonly onMessage?: () => void;
  readonly carryOut: (message: M) => Promise<O>;
  /** What the workflow is about, for the log. */
  readonly about: Readonly<Record<string, string>>;
}

type Outcome = { readonly outcome: 'done' } | { readonly outcome: 'refused'; readonly reason: string };

/** Fails an update without a trace in the history. */
export function mustBeSound(fault: string | undefined): void {
  if (fault !== undefined) throw ApplicationFailure.nonRetryable(fault, 'REQUEST_INVALID');
}

/** A verb is an update, for who waits for the answer, and a signal, for who does not: nobody hears how that one went. */
export function askedByPeople<M extends { readonly actor: string }, O extends Outcome>(verb: Verb<M, O>): void {
  const { name, update, signal, faultOf, onMessage, carryOut, about } = verb;
  setHandler(
    update,
    (message) => {
      onMessage?.();
      return carryOut(message);
    },
    {
      description: `${name}: somebody waits for the answer`,
      validator: (message: M) => mustBeSound(faultOf(message)),
    },
  );
  setHandler(
    signal,
    async (message) => {
      onMessage?.();
      const fault = faultOf(message);
      const facts = { ...about, verb: name, ...(fault === undefined && { actor: message.actor }) };
      try {
        const outcome: Outcome = fault === undefined ? await carryOut(message) : { outcome: 'refused', reason: fault };
        if (outcome.outcome === 'refused') log.warn('a signal was refused', { ...facts, reason: outcome.reason });
      } catch (error) {
        log.error('a signal was not carried out', { ...facts, error: String(error) });
      }
    },
    { description: `${name}: nobody waits for the answer` },
  );
}

/** Runs one after the other: handlers interleave at each await, and what is due must not come between. */
export function queue() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const run = last.then(work);
    last = run.catch(() => undefined);
    return run;
  };
}
