import { readFile } from 'node:fs/promises';
import { Value } from 'typebox/value';
import { WorkerState } from './schema/health.js';

/** How the worker is, by the file of whoever watches over it. Where there is none, nobody knows, and that is said. */
export function workerStatus(file: string | undefined) {
  return async (): Promise<WorkerState> => {
    const said = file === undefined ? undefined : await read(file).catch(() => undefined);
    return Value.Check(WorkerState, said) ? said : { state: 'unknown' };
  };
}

const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));
