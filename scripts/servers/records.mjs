import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { identityOf } from './identity.mjs';
import { stopOrphan } from './process.mjs';

/** @typedef {{ name: string, pid: number, identity: string }} ProcessRecord */

const ORPHAN_BOUND_MS = 20_000;

/**
 * The processes of a data folder, on disk: a start that was killed without a chance to stop them leaves them to the
 * next one, which stops those and no other.
 * @param {string} file
 */
export function processRecords(file) {
  /** @type {ProcessRecord[]} */
  let records = [];

  const write = () => {
    const draft = `${file}.${String(process.pid)}`;
    writeFileSync(draft, JSON.stringify(records), { mode: 0o600 });
    renameSync(draft, file);
  };

  return {
    /**
     * @param {string} name
     * @param {number} pid
     */
    add(name, pid) {
      const identity = identityOf(pid);
      if (identity === undefined) return;
      records.push({ name, pid, identity });
      write();
    },

    /** @param {number} pid */
    remove(pid) {
      records = records.filter((record) => record.pid !== pid);
      write();
    },

    /**
     * Stops what an earlier run left, the last started first. Only for the holder of the folder's lock.
     * @param {(line: string) => void} say
     */
    async stopOrphans(say) {
      for (const { name, pid, identity } of readRecords(file).reverse()) {
        if (await stopOrphan({ pid, identity }, ORPHAN_BOUND_MS)) {
          say(`${name}: process ${String(pid)} was left by a start that was killed; stopped it`);
        }
      }
      write();
    },
  };
}

/** @typedef {ReturnType<typeof processRecords>} ProcessRecords */

/**
 * @param {string} file
 * @returns {ProcessRecord[]}
 */
function readRecords(file) {
  if (!existsSync(file)) return [];
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}
