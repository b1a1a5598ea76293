import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { accepts, choosePort, freePort, isPortFree } from '../../scripts/servers/ports.mjs';

describe('a port', () => {
  let server: Server;
  let taken = 0;
  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    taken = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.close();
  });

  test('that is taken is known as such', async () => {
    assert.equal(await isPortFree(taken), false);
    assert.equal(await accepts(taken), true);
    const free = await freePort();
    assert.equal(await isPortFree(free), true);
    assert.equal(await accepts(free), false);
  });

  test('that is asked for and taken is refused with the name of the variable', async () => {
    const choice = { name: 'MONGODB_PORT', given: String(taken), preferred: 1, anyFree: false };
    await assert.rejects(choosePort(choice), /MONGODB_PORT: port \d+ is taken by another program/);
  });

  test('that is only preferred moves when it is taken, unless it must not', async () => {
    const choice = { name: 'PORT', given: undefined, preferred: taken, anyFree: false };
    assert.notEqual(await choosePort(choice), taken);
    await assert.rejects(choosePort({ ...choice, fixed: true }), /PORT: port \d+ is taken/);
  });

  test('is free for every server that has none of its own when PORT is 0', async () => {
    const preferred = await freePort();
    assert.equal(await choosePort({ name: 'TEMPORAL_PORT', given: '', preferred, anyFree: false }), preferred);
    assert.notEqual(await choosePort({ name: 'TEMPORAL_PORT', given: '', preferred, anyFree: true }), preferred);
    const given = await freePort();
    assert.equal(await choosePort({ name: 'TEMPORAL_PORT', given: String(given), preferred, anyFree: true }), given);
  });

  test('must be a port', async () => {
    for (const given of ['http', '-1', '65536', '44.5']) {
      await assert.rejects(
        choosePort({ name: 'PORT', given, preferred: 1, anyFree: false }),
        /PORT must be a port number/,
      );
    }
  });
});
