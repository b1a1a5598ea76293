import { once } from 'node:events';
import { type AddressInfo, connect as dial, createServer, type Socket } from 'node:net';
import { connect } from '../../db/connect.js';

/**
 * The test's MongoDB behind a wire of our own, which can be held: what is sent arrives when it is let go, as with a
 * server that is stopped or a network that swallows packets. The client is patient as an API's is.
 */
export async function stallingMongodb(database: string) {
  const given = new URL(process.env['MONGODB_URL'] ?? '');
  const wires = new Set<Socket>();
  let held = false;
  const proxy = createServer((from) => {
    const to = dial(Number(given.port), given.hostname);
    for (const wire of [from, to]) {
      wires.add(wire);
      wire.on('error', () => undefined).on('close', () => wires.delete(wire));
      if (held) wire.pause();
    }
    from.on('data', (bytes) => to.write(bytes)).on('close', () => to.destroy());
    to.on('data', (bytes) => from.write(bytes)).on('close', () => from.destroy());
    if (held) for (const wire of [from, to]) wire.pause();
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const client = await connect({
    url: `mongodb://127.0.0.1:${String(port)}/?directConnection=true`,
    appName: 'stalling',
    serverSelectionTimeoutMS: 2_000,
    socketTimeoutMS: 10_000,
  });
  return {
    client,
    db: client.db(database),
    hold(): void {
      held = true;
      for (const wire of wires) wire.pause();
    },
    letGo(): void {
      held = false;
      for (const wire of wires) wire.resume();
    },
    async close(): Promise<void> {
      for (const wire of wires) wire.resume();
      await client.close();
      proxy.close();
      for (const wire of wires) wire.destroy();
    },
  };
}
