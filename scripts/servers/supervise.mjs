import { setTimeout as sleep } from 'node:timers/promises';
import { lastWords } from './logs.mjs';
import { stop } from './process.mjs';

/**
 * @typedef {import('./process.mjs').Launched} Launched
 * @typedef {Omit<Launched, 'child'>} Watched a launched one, or one that could not even be launched
 *
 * @typedef {object} Service
 * @property {string} name
 * @property {() => Launched} launch
 * @property {(launched: Launched, signal: AbortSignal) => Promise<void>} ready resolves when it can serve
 * @property {number} readyBoundMs
 * @property {number} stopBoundMs
 *
 * @typedef {object} SupervisorOptions
 * @property {(line: string) => void} say
 * @property {(reason: string) => void} giveUp called once, when it dies too often
 * @property {{ add: (name: string, pid: number) => void, remove: (pid: number) => void }} [records]
 * @property {number} [deaths] this many within `withinMs` are too many; 1 means it is never restarted
 * @property {number} [withinMs]
 * @property {number} [firstDelayMs] before the first restart, doubled with each further death in the window
 * @property {Persistence} [persistence] of one that is never given up
 *
 * @typedef {object} Persistence
 * @property {number} everyMs after too many deaths it is started so often, for ever, until it has lived for `withinMs`
 * @property {(how: string, isFailing: boolean) => string} died called with each death; answers what is known of it
 * @property {(isFailing: boolean) => void} up called when it runs, and when it no longer counts as failing
 */

/**
 * Keeps a service running: reports its death, restarts it after a pause, and gives up on one that keeps dying, or goes
 * on slowly where others can do without it.
 * @param {Service} service
 * @param {SupervisorOptions} options
 */
export function supervise(service, options) {
  const { say, giveUp, records, deaths = 5, withinMs = 60_000, firstDelayMs = 250, persistence } = options;
  const { name } = service;
  const stopping = new AbortController();
  /** @type {Watched | undefined} */
  let current;
  /** @type {Promise<void>} */
  let keeping = Promise.resolve();
  /** @type {number[]} */
  let diedAt = [];

  /**
   * What only tells of it, or is told of it, is no reason to stop watching over it: a disk may be full for a while.
   * @template T
   * @param {() => T} work
   * @returns {T | undefined}
   */
  const inOrder = (work) => {
    try {
      return work();
    } catch (error) {
      say(`${name}: ${reasonOf(error)}`);
      return undefined;
    }
  };

  /**
   * Launches it; when it does not become ready, it is stopped, and the reason given.
   * @param {AbortSignal} signal
   * @returns {Promise<{ launched: Watched, failed?: string }>}
   */
  const bring = async (signal) => {
    /** @type {Launched} */
    let launched;
    try {
      launched = service.launch();
    } catch (error) {
      current = { pid: 0, ended: Promise.resolve(''), logFile: '', logOffset: 0 };
      return { launched: current, failed: reasonOf(error) };
    }
    current = launched;
    if (launched.pid !== 0) inOrder(() => records?.add(name, launched.pid));
    void launched.ended.then(() => inOrder(() => records?.remove(launched.pid)));
    const waiting = new AbortController();
    const giveUpWaiting = AbortSignal.any([waiting.signal, signal]);
    try {
      /** @type {string | undefined} */
      const failed = await Promise.race([
        service.ready(launched, giveUpWaiting).then(() => undefined),
        launched.ended,
        sleep(service.readyBoundMs, `not ready after ${String(service.readyBoundMs / 1000)} s`, {
          signal: giveUpWaiting,
        }),
      ]);
      if (failed === undefined) return { launched };
      await stop(launched, service.stopBoundMs);
      return { launched, failed };
    } catch (error) {
      await stop(launched, service.stopBoundMs);
      return { launched, failed: reasonOf(error) };
    } finally {
      waiting.abort();
    }
  };

  /** @param {Watched} first */
  const keep = async (first) => {
    let launched = first;
    let isFailing = false;
    let how = await first.ended;
    while (!stopping.signal.aborted) {
      const now = Date.now();
      diedAt = [...diedAt.filter((at) => now - at < withinMs), now];
      if (diedAt.length >= deaths && !isFailing) {
        const lines = inOrder(() => lastWords(launched.logFile, launched.logOffset)) ?? '';
        const often = deaths === 1 ? '' : ` ${String(deaths)} times within ${String(withinMs / 1000)} s`;
        const reason = `${name} died${often} (${how})${lines === '' ? '' : `:\n${lines}`}`;
        if (persistence === undefined) {
          giveUp(reason);
          return;
        }
        isFailing = true;
        say(reason);
      }
      const known = inOrder(() => persistence?.died(how, isFailing)) ?? '';
      const delayMs = isFailing ? (persistence?.everyMs ?? 0) : firstDelayMs * 2 ** (diedAt.length - 1);
      say(`${name}: died (${how}${known}), starting it again in ${String(delayMs / 1000)} s`);
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const next = await bring(stopping.signal);
      if (stopping.signal.aborted) return;
      launched = next.launched;
      if (next.failed === undefined) {
        say(`${name}: running again, process ${String(launched.pid)}`);
        inOrder(() => persistence?.up(isFailing));
      }
      if (next.failed === undefined && isFailing && (await livesFor(launched, withinMs))) {
        isFailing = false;
        inOrder(() => persistence?.up(isFailing));
      }
      how = next.failed ?? (await launched.ended);
    }
  };

  /**
   * @param {Watched} launched
   * @param {number} ms
   */
  const livesFor = async ({ ended }, ms) => {
    const abort = new AbortController();
    const long = sleep(ms, /** @type {const} */ ('long enough'), { signal: abort.signal }).catch(() => undefined);
    const result = await Promise.race([ended, long]);
    abort.abort();
    return result === 'long enough';
  };

  return {
    name,

    /** The process that runs it now; it has another after a restart. */
    pid: () => current?.pid,

    /**
     * Starts it the first time; fails at once when that fails, since trying again would only say so later.
     * @param {AbortSignal} signal
     */
    async start(signal) {
      signal.throwIfAborted();
      const { launched, failed } = await bring(AbortSignal.any([signal, stopping.signal]));
      signal.throwIfAborted();
      if (failed !== undefined) {
        const lines = lastWords(launched.logFile, launched.logOffset);
        throw new Error(`${name} did not start: ${failed}${lines === '' ? '' : `\n${lines}`}\n(${launched.logFile})`);
      }
      inOrder(() => persistence?.up(false));
      keeping = keep(launched);
    },

    /** @returns {Promise<void>} */
    async stop() {
      stopping.abort();
      if (current !== undefined && !(await stop(current, service.stopBoundMs))) {
        say(`${name}: did not stop within ${String(service.stopBoundMs / 1000)} s and was forced to`);
      }
      await keeping;
    },
  };
}

/** @param {unknown} error */
const reasonOf = (error) => (error instanceof Error ? error.message : String(error));

/** @typedef {ReturnType<typeof supervise>} Supervisor */
