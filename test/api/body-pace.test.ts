import assert from 'node:assert/strict';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { bodyPace, PACE } from '../../api/body-pace.js';
import { problems } from '../../api/errors.js';
import { until } from '../helper/until.js';

const SECOND = 1_000;

describe('a body', () => {
  let app: FastifyInstance;
  let clock: number;
  let pace: ReturnType<typeof bodyPace>;
  let sockets: Socket[];
  /** Of the connections that the server has. */
  let served: Socket[];
  let begun: number;
  let levels: number[];

  beforeEach(async () => {
    [clock, begun, sockets, served, levels] = [0, 0, [], [], []];
    pace = bodyPace({ now: () => clock, onError: (error) => assert.fail(String(error)) });
    const stream = { write: (line: string) => void levels.push((JSON.parse(line) as { level: number }).level) };
    app = Fastify({ logger: { level: 'warn', stream } });
    problems(app);
    app.addHook('onRequest', async (request, reply) => {
      pace.begin(request, reply, PACE.strangerMs);
      begun += 1;
    });
    app.addHook('onResponse', async (request) => {
      pace.answered(request);
    });
    app.post('/stranger', (_request, reply) => reply.send('read'));
    const letIn = async (request: Parameters<typeof pace.allow>[0]): Promise<void> => {
      pace.allow(request, PACE.senderMs);
    };
    app.post('/sender', { preParsing: letIn }, (_request, reply) => reply.send('read'));
    const wait = async (request: Parameters<typeof pace.rest>[0]): Promise<void> => {
      pace.rest(request);
    };
    app.post('/waiting', { preParsing: wait }, (_request, reply) => reply.send('read'));
    const refuse = async (_request: unknown, reply: FastifyReply): Promise<void> => {
      await reply.code(401).send('no');
    };
    app.post('/refused', { onRequest: refuse }, (_request, reply) => reply.send('read'));
    app.server.on('connection', (socket: Socket) => served.push(socket));
    await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await pace.stop();
    await app.close();
  });

  /** Begins to send a body of a million bytes. */
  async function begin(path: string) {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    const before = begun;
    let answer = '';
    let isClosed = false;
    sockets.push(socket);
    socket.on('error', () => undefined).on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
    socket.once('close', () => (isClosed = true));
    socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 1000000\r\n\r\n`);
    await until('the request began', () => begun > before);
    return {
      answer: () => answer,
      isClosed: () => isClosed,
      /** Sends so many bytes in each of so many intervals between two looks. */
      async drip(bytes: number, looks: number): Promise<void> {
        const there = served.find(({ remotePort }) => remotePort === socket.localPort);
        const received = (): number => there?.bytesRead ?? 0;
        for (let n = 0; n < looks; n++) {
          const wanted = received() + bytes;
          if (bytes > 0 && !isClosed) socket.write('x'.repeat(bytes));
          await until(`${String(bytes)} bytes are there`, () => isClosed || received() >= wanted);
          clock += PACE.lookEveryMs;
          pace.look();
        }
      },
    };
  }

  const isRefused = async ({ answer, isClosed }: { answer: () => string; isClosed: () => boolean }): Promise<void> => {
    await until('the connection is closed', isClosed);
    assert.match(answer(), /^HTTP\/1\.1 408 /);
    assert.match(answer(), /"code":"BODY_TOO_SLOW"/);
    assert.deepEqual(
      levels.filter((level) => level >= 50),
      [],
    );
  };

  it('of a stranger has fifteen seconds in all', async () => {
    const it_ = await begin('/stranger');
    await it_.drip(100_000, 2);
    assert.equal(it_.isClosed(), false);
    await it_.drip(100_000, 1);
    await isRefused(it_);
  });

  it('of whom somebody speaks for has five minutes, as long as it comes at a pace', async () => {
    const it_ = await begin('/sender');
    await it_.drip(PACE.leastRate * 5, PACE.senderMs / PACE.lookEveryMs - 12);
    assert.equal(it_.isClosed(), false);
    await it_.drip(100, 12);
    await isRefused(it_);
  });

  it('is cut off when nothing comes for fifteen seconds', async () => {
    const it_ = await begin('/sender');
    await it_.drip(100_000, 1);
    await it_.drip(0, 2);
    assert.equal(it_.isClosed(), false);
    await it_.drip(0, 1);
    await isRefused(it_);
  });

  it('is cut off when it comes at less than 4 KiB a second over thirty seconds', async () => {
    const it_ = await begin('/sender');
    await it_.drip(PACE.leastRate * 5 - 1, 5);
    assert.equal(it_.isClosed(), false);
    await it_.drip(PACE.leastRate * 5 - 1, 1);
    await isRefused(it_);
  });

  it('is not watched while it waits here for its turn', async () => {
    const it_ = await begin('/waiting');
    await it_.drip(0, 100);
    assert.equal(it_.isClosed(), false);
  });

  it('goes on being watched after it was refused unread', async () => {
    const it_ = await begin('/refused');
    await until('it is refused', () => it_.answer() !== '');
    assert.match(it_.answer(), /^HTTP\/1\.1 401 /);
    await it_.drip(100, PACE.strangerMs / (5 * SECOND));
    await until('the connection is closed', it_.isClosed);
  });

  it('that is whole is let be, however long its answer takes', async () => {
    const it_ = await begin('/sender');
    await it_.drip(1_000_000, 1);
    await until('it is answered', () => it_.answer() !== '');
    await it_.drip(0, 100);
    assert.match(it_.answer(), /^HTTP\/1\.1 200 /);
    assert.equal(it_.isClosed(), false);
  });
});
