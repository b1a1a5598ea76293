import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/**
 * @typedef {{ type: string, flushIds?: string[], guilty?: true }} RunningActivity as `worker/activity-notes.ts` writes it
 * @typedef {{ state: 'starting' | 'running' | 'failing', reason?: string, diedAt?: string, suspects?: string[] }} WorkerState
 */

const DEATHS_LOOKED_AT = 5;

/**
 * What the worker dies of, and how it is, in a file that the API reads. No words of its log stand there: `/readyz` is
 * open to everybody.
 * @param {{ notesFile: string, statusFile: string }} files
 */
export function workerDeaths({ notesFile, statusFile }) {
  /** @type {string[][]} what ran at each of the last deaths */
  let deaths = [];
  /** @type {Omit<WorkerState, 'state'>} */
  let last = {};

  /** @param {WorkerState['state']} state */
  const write = (state) => {
    const draft = `${statusFile}.${String(process.pid)}`;
    writeFileSync(draft, JSON.stringify({ state, ...last }), { mode: 0o600 });
    renameSync(draft, statusFile);
  };

  const suspects = () => {
    /** @type {Map<string, number>} */
    const times = new Map();
    for (const name of deaths.flat()) times.set(name, (times.get(name) ?? 0) + 1);
    const most = Math.max(0, ...times.values());
    return [...times].filter(([, count]) => count === most).map(([name]) => name);
  };

  return {
    /** @param {boolean} isFailing */
    up(isFailing) {
      write(isFailing ? 'failing' : 'running');
    },

    starting() {
      write('starting');
    },

    /**
     * @param {string} how it ended
     * @param {boolean} isFailing
     * @returns {string} what it was doing, in words
     */
    died(how, isFailing) {
      deaths = [...deaths.slice(1 - DEATHS_LOOKED_AT), namesIn(notesFile)];
      last = { reason: how, diedAt: new Date().toISOString(), suspects: suspects() };
      write(isFailing ? 'failing' : 'starting');
      const [name = '', ...others] = last.suspects ?? [];
      if (name === '') return '';
      const times = deaths.filter((names) => names.includes(name)).length;
      const more = others.length === 0 ? '' : ` and ${String(others.length)} more`;
      return `; ${name}${more} ran at ${String(times)} of its last ${String(deaths.length)} deaths`;
    },
  };
}

/**
 * What ran when it died: what it was thrown in, if that is known.
 * @param {string} file
 * @returns {string[]}
 */
function namesIn(file) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const running = lines.flatMap((line) => {
    try {
      return [/** @type {RunningActivity} */ (JSON.parse(line))];
    } catch {
      return [];
    }
  });
  const guilty = running.filter((activity) => activity.guilty === true);
  const names = (guilty.length > 0 ? guilty : running).flatMap(({ type, flushIds }) =>
    flushIds === undefined ? [type] : flushIds.map((id) => `${type} ${id}`),
  );
  return [...new Set(names)];
}
