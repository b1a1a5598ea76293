import { setTimeout as sleep } from 'node:timers/promises';
import { lastWords } from './logs.mjs';
import { stop } from './process.mjs';

/**
 * @typedef {import('./process.mjs').Launched} Launched
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
 */

/**
 * Keeps a service running: reports its death, restarts it after a pause, and gives up on one that keeps dying.
 * @param {Service} service
 * @param {SupervisorOptions} options
 */
export function supervise(service, { say, giveUp, records, deaths = 5, withinMs = 60_000, firstDelayMs = 250 }) {
  const { name } = service;
  const stopping = new AbortController();
  /** @type {Launched | undefined} */
  let current;
  /** @type {Promise<void>} */
  let keeping = Promise.resolve();
  /** @type {number[]} */
  let diedAt = [];

  /**
   * Launches it; when it does not become ready, it is stopped, and the reason given.
   * @param {AbortSignal} signal
   */
  const bring = async (signal) => {
    const launched = service.launch();
    current = launched;
    if (launched.pid !== 0) records?.add(name, launched.pid);
    void launched.ended.then(() => records?.remove(launched.pid));
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
      return { launched, failed: error instanceof Error ? error.message : String(error) };
    } finally {
      waiting.abort();
    }
  };

  /** @param {Launched} first */
  const keep = async (first) => {
    let launched = first;
    let how = await first.ended;
    while (!stopping.signal.aborted) {
      const now = Date.now();
      diedAt = [...diedAt.filter((at) => now - at < withinMs), now];
      const lines = lastWords(launched.logFile, launched.logOffset);
      if (diedAt.length >= deaths) {
        const often = deaths === 1 ? '' : ` ${String(deaths)} times within ${String(withinMs / 1000)} s`;
        giveUp(`${name} died${often} (${how})${lines === '' ? '' : `:\n${lines}`}`);
        return;
      }
      const delayMs = firstDelayMs * 2 ** (diedAt.length - 1);
      say(`${name}: died (${how}), starting it again in ${String(delayMs / 1000)} s`);
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const next = await bring(stopping.signal);
      if (stopping.signal.aborted) return;
      launched = next.launched;
      if (next.failed === undefined) say(`${name}: running again, process ${String(launched.pid)}`);
      how = next.failed ?? (await launched.ended);
    }
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

/** @typedef {ReturnType<typeof supervise>} Supervisor */
