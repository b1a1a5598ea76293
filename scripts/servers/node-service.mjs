import { launch } from './process.mjs';

// `api/garbage.ts` calls what Node warns of as experimental. All as in Dockerfile and docker-compose.yml.
const NODE_FLAGS = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
/**
 * What waits for a flush or a transaction lives a moment longer than V8's default young generation has room for, and
 * would be copied again and again. The API has little to gain beyond 32 MiB, and three times as much to lose.
 * @param {string} name
 */
const youngGeneration = (name) => `--max-semi-space-size=${name === 'api' ? '32' : '64'}`;
// glibc gives back what large bodies took: by itself it keeps more, the larger what was freed before.
const NODE_ENV = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/**
 * A process of ours, API or worker: it says over IPC when it is ready, and stops by itself when that channel closes.
 * @param {{ name: string, script: string, env: NodeJS.ProcessEnv, logFile: string, onReady?: (message: { url?: string }) => void }} options
 */
export function nodeService({ name, script, env, logFile, onReady }) {
  return {
    name,
    readyBoundMs: 60_000,
    // Their own bound is 20 s: this one is for a process that does not keep it.
    stopBoundMs: 25_000,
    launch: () =>
      launch({
        command: process.execPath,
        args: [...NODE_FLAGS, youngGeneration(name), script],
        env: { ...NODE_ENV, ...env },
        logFile,
        ipc: true,
      }),
    /**
     * @param {import('./process.mjs').Launched} launched
     * @returns {Promise<void>}
     */
    ready: ({ child }) =>
      new Promise((resolve) => {
        child.on('message', (/** @type {{ type?: string, url?: string } | undefined} */ message) => {
          if (message?.type !== 'ready') return;
          onReady?.(message);
          resolve();
        });
      }),
  };
}
