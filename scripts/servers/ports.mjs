import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';

// Below the range that kernels give to outgoing connections: there, a client that tries to reach a server which is
// down could be given the very port, and then the server could not come back to it.
const LOWEST = 15_000;
const HIGHEST = 30_000;

/** @param {number} port */
export function isPortFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** @returns {Promise<number>} */
export async function freePort() {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isPortFree(port)) return port;
  }
}

/**
 * @typedef {object} PortChoice
 * @property {string} name of the variable
 * @property {string | undefined} given
 * @property {number} preferred used when none is given
 * @property {boolean} anyFree take a free one unless one is given
 * @property {boolean} [fixed] refuse rather than move when the preferred one is taken
 */

/**
 * @param {PortChoice} choice
 * @returns {Promise<number>}
 */
export async function choosePort({ name, given, preferred, anyFree, fixed = false }) {
  const port = given === undefined || given === '' ? undefined : Number(given);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new Error(`${name} must be a port number, 0 for a free one: ${String(given)}`);
  }
  if (port === 0 || (port === undefined && anyFree)) return freePort();
  const wanted = port ?? preferred;
  if (await isPortFree(wanted)) return wanted;
  if (port !== undefined || fixed) {
    throw new Error(`${name}: port ${String(wanted)} is taken by another program; set ${name} to another one, or to 0`);
  }
  return freePort();
}

/**
 * Whether something accepts connections there.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const done = (/** @type {boolean} */ answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => {
      done(false);
    });
    socket.once('connect', () => {
      done(true);
    });
    socket.once('error', () => {
      done(false);
    });
  });
}
