import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { flagStreams, type Wire } from '../../api/flags/streams.js';
import type { FlagListener } from '../../api/flags/follower.js';
import { PlatformError } from '../../domain/errors.js';
import { appOf } from '../helper/apps.js';
import { flagEditor, type FlagEditor } from '../helper/flag-editor.js';
import { ingest, ingestApi, type Ingest, type Sender } from '../helper/ingest.js';
import { SLACK_MS, until } from '../helper/until.js';

/** Reads a stream as a browser does: blocks of lines. */
function reader(response: Response) {
  const from = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  return {
    /** The fields of the next block, without comments; undefined at the end. */
    async next(): Promise<Readonly<Record<string, string>> | undefined> {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end >= 0) {
          const lines = text.slice(0, end).split('\n');
          text = text.slice(end + 2);
          const fields = lines.filter((line) => line !== '' && !line.startsWith(':'));
          if (fields.length > 0)
            return Object.fromEntries(fields.map((line) => line.split(/: (.*)/, 2) as [string, string]));
          continue;
        }
        const { done, value } = await from.read();
        if (done) return undefined;
        text += decoder.decode(value, { stream: true });
      }
    },
    cancel: () => from.cancel(),
  };
}

type Reader = ReturnType<typeof reader>;

describe('the stream of changes', () => {
  let it_: Ingest;
  let edit: FlagEditor;
  let url = '';
  let count = 0;
  const readers: Reader[] = [];
  before(async () => {
    it_ = await ingest('flag_stream');
    edit = flagEditor(it_.client, it_.db);
    url = await it_.api.listen({ host: '127.0.0.1', port: 0 });
  });
  afterEach(async () => {
    for (const each of readers.splice(0)) await each.cancel();
  });
  after(() => it_.close());

  async function shop(): Promise<Sender> {
    const from = await it_.register(`shop-${String((count += 1))}`);
    await edit.create(from.app, 'a');
    return from;
  }
  async function open(from: Sender, { since = '', last = '', base = url } = {}) {
    const response = await fetch(`${base}/v1/flags/stream?key=${from.key}${since}`, {
      headers: { accept: 'text/event-stream', origin: 'https://shop.example', ...(last && { 'last-event-id': last }) },
    });
    const read = reader(response);
    readers.push(read);
    return { response, read };
  }

  it('tells in OFREP’s words, at once, which flags changed', async () => {
    const from = await shop();
    const { response, read } = await open(from);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(response.headers.get('access-control-allow-origin'), 'https://shop.example');
    assert.deepEqual(await read.next(), { id: '1' }, 'no message yet, but what to come back with');
    const start = performance.now();
    await edit.change(from.app, 'a', { defaultValue: true });
    const told = (await read.next()) ?? {};
    assert.ok(performance.now() - start < 2_000 + SLACK_MS);
    assert.deepEqual([told['id'], told['event']], ['2', undefined], 'providers hear unnamed messages only');
    const message: unknown = JSON.parse(told['data'] ?? '');
    assert.deepEqual(message, { type: 'refetchEvaluation', etag: '"2"', changedKeys: ['a'] });
  });

  it('tells who comes back, or was evaluated before it came, what it has missed', async () => {
    const from = await shop();
    await edit.change(from.app, 'a', { defaultValue: true });
    for (const how of [{ since: '&since=1' }, { last: '1' }, { since: '&since=1', last: '1' }]) {
      const told = await (await open(from, how)).read.next();
      assert.deepEqual([told?.['id'], told?.['data']], ['2', '{"type":"refetchEvaluation","etag":"\\"2\\""}']);
    }
    for (const how of [{ since: '&since=2' }, { since: '&since=1', last: '2' }])
      assert.deepEqual(await (await open(from, how)).read.next(), { id: '2' });
  });

  it('is of one app', async () => {
    const [mine, theirs] = [await shop(), await shop()];
    const { read } = await open(mine);
    await read.next();
    await edit.change(theirs.app, 'a', { defaultValue: true });
    await edit.change(mine.app, 'a', { description: 'mine' });
    assert.equal((await read.next())?.['id'], '2');
  });

  it('ends within seconds once its key is revoked, and is refused from then on', async () => {
    const from = await shop();
    const { read } = await open(from);
    await read.next();
    const keys = it_.db.collection('app_keys');
    await keys.updateMany({ appId: from.app.id }, { $set: { revokedAt: new Date() } });
    const start = performance.now();
    assert.equal(await read.next(), undefined);
    assert.ok(performance.now() - start < 8_000 + SLACK_MS);
    assert.equal((await open(from)).response.status, 401);
  });

  it('ends when the process stops, which does not wait for it', async () => {
    const from = await shop();
    const api = await ingestApi(it_.client, it_.db);
    const base = await api.listen({ host: '127.0.0.1', port: 0 });
    const { read } = await open(from, { base });
    await read.next();
    const start = performance.now();
    const [, last] = await Promise.all([api.close(), read.next()]);
    assert.equal(last, undefined);
    assert.ok(performance.now() - start < 5_000 + SLACK_MS);
  });
});

describe('streams', () => {
  const sender = (keyId = 'key') => ({ keyId, kind: 'client', app: appOf('shop') }) as const;
  const stays = () => Promise.resolve();
  const isRefused = (code: string) => (error: unknown) =>
    error instanceof PlatformError && error.code === code && (error.retryAfterSeconds ?? 0) > 0;

  function registry(most = { streams: 3, streamsPerKey: 2 }) {
    const listeners = new Set<FlagListener>();
    const follower = {
      subscribe: (_app: unknown, listener: FlagListener) => {
        listeners.add(listener);
        return Promise.resolve({ version: 5, end: () => void listeners.delete(listener) });
      },
    };
    const streams = flagStreams({ follower, most, recheckMs: 20 });
    return { streams, listeners };
  }
  function wire(waitingBytes = 0) {
    const heard: string[] = [];
    const is = { ended: 0 };
    const end: Wire = {
      send: ({ data = '' }) => {
        heard.push(data);
        return Promise.resolve();
      },
      waitingBytes: () => waitingBytes,
      end: () => {
        is.ended++;
      },
    };
    return { heard, is, end };
  }

  it('are so many of a key and so many of a process, and no more', async () => {
    const { streams, listeners } = registry();
    const hangUps = [];
    for (const key of ['a', 'a', 'b']) {
      streams.admit(sender(key));
      hangUps.push(await streams.open(sender(key), wire().end, 0, stays));
    }
    assert.throws(() => streams.admit(sender('c')), isRefused('UNAVAILABLE'));
    hangUps[2]?.();
    assert.throws(() => streams.admit(sender('a')), isRefused('RATE_LIMITED'));
    streams.admit(sender('c'));
    hangUps[0]?.();
    hangUps[0]?.();
    streams.admit(sender('a'));
    assert.equal(listeners.size, 1);
    streams.close();
    assert.equal(listeners.size, 0);
    assert.throws(() => streams.admit(sender('a')), isRefused('UNAVAILABLE'));
  });

  it('cut off who does not read, and name no more than a hundred flags', async () => {
    const { streams, listeners } = registry();
    const [slow, quick] = [wire(1_000_000), wire()];
    await streams.open(sender(), slow.end, 0, stays);
    await streams.open(sender(), quick.end, 0, stays);
    assert.equal(slow.is.ended, 1);
    const changedKeys = Array.from({ length: 101 }, (_, index) => `flag-${String(index)}`);
    for (const listener of listeners) listener({ version: 6, changedKeys });
    assert.deepEqual(quick.heard, ['', '{"type":"refetchEvaluation","etag":"\\"6\\""}']);
    assert.deepEqual([slow.heard, quick.is.ended], [[], 0]);
    streams.close();
  });

  it('go on while nobody knows whether their key still holds', async () => {
    const { streams } = registry();
    const [unknown, refused] = [wire(), wire()];
    const away = () => Promise.reject(new PlatformError('UNAVAILABLE', 'away'));
    const revoked = () => Promise.reject(new PlatformError('UNAUTHENTICATED', 'revoked'));
    await streams.open(sender(), unknown.end, 0, away);
    await streams.open(sender(), refused.end, 0, revoked);
    await until('the end of the revoked one', () => refused.is.ended > 0);
    assert.deepEqual([unknown.is.ended, refused.is.ended], [0, 1]);
    streams.close();
  });
});
