import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { uploadTurns } from '../../api/upload-turns.js';
import { PlatformError } from '../../domain/errors.js';

describe('the turns of uploads', () => {
  let server: Server;
  let sockets: Socket[];
  let began: string[];
  let asked: number;
  let turns: ReturnType<typeof uploadTurns>;
  /** Resolves when the next thing happens on the server. */
  let changed: () => void;
  let change: Promise<void>;

  const renew = (): void => {
    change = new Promise((resolve) => {
      changed = () => {
        renew();
        resolve();
      };
    });
  };
  beforeEach(async () => {
    [sockets, began, asked] = [[], [], 0];
    renew();
    turns = uploadTurns({ atOnce: 2, waiting: 2 });
    server = createServer((request, response) => {
      const end = (status: number): void => {
        response.statusCode = status;
        response.end();
      };
      asked++;
      changed();
      turns.take(request, response).then(
        () => {
          began.push(request.url ?? '');
          changed();
          request.resume().once('end', () => {
            end(200);
          });
        },
        (error: unknown) => {
          end(error instanceof PlatformError && error.code === 'UNAVAILABLE' ? 503 : 500);
        },
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    turns.close();
    server.closeAllConnections();
    await once(server.close(), 'close');
  });

  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await change;
  };
  /** Begins an upload of ten bytes; they are sent later, or never. */
  async function begin(name: string): Promise<Socket> {
    const before = asked;
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    socket.write(`POST ${name} HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n`);
    await until(() => asked > before);
    return socket;
  }
  const status = async (socket: Socket): Promise<string> => {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return bytes.toString('latin1').split(' ')[1] ?? '';
  };

  it('are as many at once as may be, and come in order', async () => {
    const [one, , three] = [await begin('/1'), await begin('/2'), await begin('/3')];
    await begin('/4');
    await until(() => began.length === 2);
    one.write('0123456789');
    assert.equal(await status(one), '200');
    await until(() => began.length === 3);
    assert.deepEqual(began, ['/1', '/2', '/3']);
    three.write('0123456789');
    await until(() => began.length === 4);
  });

  it('pass to others when a client goes away in the middle', async () => {
    const gone = [await begin('/1'), await begin('/2')];
    const patient = await begin('/3');
    await until(() => began.length === 2);
    for (const socket of gone) socket.destroy();
    await until(() => began.includes('/3'));
    patient.write('0123456789');
    assert.equal(await status(patient), '200');
  });

  it('are not waited for by more than may wait', async () => {
    for (const name of ['/1', '/2', '/3', '/4']) await begin(name);
    assert.equal(await status(await begin('/5')), '503');
  });

  it('end when the process stops: nobody waits, and what still arrives is cut off', async () => {
    const first = await begin('/1');
    await begin('/2');
    const waiting = await begin('/3');
    await until(() => began.length === 2);
    const [closed, refused] = [once(first.resume(), 'close'), status(waiting)];
    turns.close();
    assert.equal(await refused, '503');
    await closed;
    assert.equal(await status(await begin('/4')), '503');
  });
});
