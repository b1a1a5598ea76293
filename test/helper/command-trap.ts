import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { MongoClient } from 'mongodb';

/** Where a trap springs: on the first command that matches, before mongod hears of it or after. */
interface Spring {
  readonly when: 'before' | 'after';
  readonly matches: (bytes: Buffer) => boolean;
  readonly spring: () => void;
}

/** BSON of `{ <command>: <value> }`'s beginning: a string element, type 2, with its name, length and text. */
function command(name: string, value: string): (bytes: Buffer) => boolean {
  const length = Buffer.alloc(4);
  length.writeInt32LE(value.length + 1);
  const needle = Buffer.concat([Buffer.from(`\u0002${name}\0`), length, Buffer.from(`${value}\0`)]);
  return (bytes) => bytes.includes(needle);
}

export const insertInto = (collection: string) => command('insert', collection);
/** `{ commitTransaction: 1 }` as a 32-bit integer, type 16. */
export const commitTransaction = (bytes: Buffer): boolean => bytes.includes(Buffer.from('\u0010commitTransaction\0'));

/**
 * A way to mongod that watches what is sent to it, so that a process can be killed at the very moment when a certain
 * command has left it. What is sprung upon before mongod hears of it never arrives; after, mongod does it, and nobody
 * hears the answer.
 */
export async function commandTrap(client: MongoClient, url: string) {
  const { primary, me } = await client.db('admin').command({ hello: 1 });
  const [host = '127.0.0.1', port = '27017'] = String(primary ?? me).split(':');
  let trap: Spring | undefined;
  const sockets = new Set<Socket>();

  const server = createServer((near) => {
    const far = connect(Number(port), host);
    let cut = false;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (bytes: Buffer) => {
      const sprung = trap?.matches(bytes) === true ? trap : undefined;
      if (sprung === undefined) {
        if (!cut) far.write(bytes);
        return;
      }
      trap = undefined;
      cut = true;
      if (sprung.when === 'before') sprung.spring();
      // Written whole before the death: what the process has sent, the network delivers.
      else far.write(bytes, sprung.spring);
    });
    far.on('data', (bytes: Buffer) => {
      if (!cut) near.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;

  return {
    /** The same database by this way. */
    url: url
      .replace(/^(mongodb:\/\/(?:[^@/]*@)?)[^/?]+/, `$1${own}`)
      .replace(/([?&])replicaSet=[^&]*/, '$1directConnection=true'),
    /** Resolves when it has sprung. */
    set: (when: Spring['when'], matches: Spring['matches'], action: () => void): Promise<void> =>
      new Promise((resolve) => {
        const spring = (): void => {
          action();
          resolve();
        };
        trap = { when, matches, spring };
      }),
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
