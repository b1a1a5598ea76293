import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { ErrorCode, OpenFeature, StandardResolutionReasons } from '@openfeature/server-sdk';
import { browserPage, noBrowser } from '../helper/browser.js';
import { conditionOf, flagEditor, type FlagEditor } from '../helper/flag-editor.js';
import { newRule } from '../helper/flags.js';
import { ingest, ingestApi, type Ingest, type Sender } from '../helper/ingest.js';
import { until } from '../helper/until.js';

const PATIENCE_MS = 60_000;

describe('the providers of OpenFeature, as they come,', () => {
  let it_: Ingest;
  let edit: FlagEditor;
  let url = '';
  let count = 0;
  before(async () => {
    it_ = await ingest('ofrep_providers');
    edit = flagEditor(it_.client, it_.db);
    url = await it_.api.listen({ host: '127.0.0.1', port: 0 });
  });
  after(async () => {
    await OpenFeature.close();
    await it_.close();
  });

  async function shop(): Promise<Sender> {
    const from = await it_.register(`shop-${String((count += 1))}`);
    const { app } = from;
    const pros = { conditions: [conditionOf('plan', 'equals', 'pro')] };
    await edit.create(app, 'checkout/new', { rules: [newRule('pros', pros)] });
    await edit.create(app, 'button', { type: 'string', defaultValue: 'blue' });
    await edit.create(app, 'limits', { type: 'json', defaultValue: { max: 5 } });
    await edit.create(app, 'size', { type: 'number', defaultValue: 1.5 });
    await edit.create(app, 'off', { enabled: false, defaultValue: true });
    await edit.create(app, 'split', { rules: [newRule('half', { rolloutPercentage: 50 })] });
    return from;
  }

  describe('on a server', () => {
    async function clientOf({ key }: Sender, baseUrl = url) {
      const domain = `server-${String((count += 1))}`;
      const provider = new OFREPProvider({ baseUrl, headers: [['Authorization', `Bearer ${key}`]] });
      await OpenFeature.setProviderAndWait(domain, provider);
      return OpenFeature.getClient(domain);
    }

    it('evaluate each type of flag, with why and by which rule', async () => {
      const client = await clientOf(await shop());
      const pro = { targetingKey: 'ada', plan: 'pro' };
      const details = await client.getBooleanDetails('checkout/new', false, pro);
      assert.deepEqual([details.value, details.reason], [true, StandardResolutionReasons.TARGETING_MATCH]);
      assert.deepEqual(details.flagMetadata, { version: 1, ruleId: 'pros' });
      assert.equal(await client.getBooleanValue('checkout/new', true, { targetingKey: 'ada' }), false);
      assert.equal(await client.getStringValue('button', 'grey', pro), 'blue');
      assert.deepEqual(await client.getObjectValue('limits', {}, pro), { max: 5 });
      assert.equal(await client.getNumberValue('size', 0, pro), 1.5);
      const off = await client.getBooleanDetails('off', false, pro);
      assert.deepEqual([off.value, off.reason], [true, StandardResolutionReasons.DISABLED]);
    });

    it('know what went wrong', async () => {
      const from = await shop();
      const client = await clientOf(from);
      const code = async (key: string, context: object = {}) =>
        (await client.getBooleanDetails(key, false, context as never)).errorCode;
      assert.equal(await code('nothing'), ErrorCode.FLAG_NOT_FOUND);
      assert.equal(await code('split'), ErrorCode.TARGETING_KEY_MISSING);
      assert.equal(await code('split', { targetingKey: 'ada' }), undefined);
      assert.equal(await code('button'), ErrorCode.TYPE_MISMATCH);
      const stranger = await clientOf({ ...from, key: 'exp_none' });
      assert.equal((await stranger.getBooleanDetails('off', false)).errorCode, ErrorCode.GENERAL);
    });

    it('see a change with an evaluation that follows', async () => {
      const from = await shop();
      const client = await clientOf(from);
      assert.equal(await client.getStringValue('button', ''), 'blue');
      await edit.change(from.app, 'button', { defaultValue: 'red' });
      await until('the change', async () => (await client.getStringValue('button', '')) === 'red');
      await edit.kill(from.app, 'checkout/new');
      await until('the kill', async () => {
        const { reason } = await client.getBooleanDetails('checkout/new', false, { plan: 'pro' });
        return reason === 'DISABLED';
      });
    });

    it('keep silent for as long as they are told by a 429', async () => {
      const from = await shop();
      const api = await ingestApi(it_.client, it_.db, { requestsPerSecondPerKey: 3 });
      try {
        const client = await clientOf(from, await api.listen({ host: '127.0.0.1', port: 0 }));
        const ask = () => client.getBooleanDetails('off', false);
        const answers = await Promise.all(Array.from({ length: 8 }, ask));
        assert.ok(answers.some(({ errorCode }) => errorCode === undefined));
        assert.ok(answers.some(({ errorCode }) => errorCode === ErrorCode.GENERAL));
        assert.equal((await ask()).errorCode, ErrorCode.GENERAL, 'it does not even ask');
        await sleep(1_200);
        assert.equal((await ask()).value, true);
      } finally {
        await api.close();
      }
    });
  });

  describe('in a page of another site, in a real Chromium,', { skip: noBrowser() }, () => {
    /** A page that keeps what the provider tells and what it asks. */
    const script = ({ key }: Sender, options: object, baseUrl = url) => `
      import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
      import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
      const seen = (window.seen = { events: [], requests: [], ready: false });
      const fetchImplementation = async (request, init) => {
        const response = await fetch(request, init);
        const { searchParams } = new URL(request.url);
        const sent = request.headers.get('if-none-match');
        seen.requests.push([response.status, sent, searchParams.get('flagConfigEtag')]);
        return response;
      };
      for (const event of [ProviderEvents.ConfigurationChanged, ProviderEvents.Stale, ProviderEvents.Error])
        OpenFeature.addHandler(event, (details) => seen.events.push([event, [...(details?.flagsChanged ?? [])].sort()]));
      window.client = OpenFeature.getClient();
      window.setContext = (context) => OpenFeature.setContext(context);
      const provider = new OFREPWebProvider({
        baseUrl: ${JSON.stringify(baseUrl)}, cacheMode: 'disabled', fetchImplementation,
        headers: [['X-API-Key', ${JSON.stringify(key)}]], ...${JSON.stringify(options)},
      });
      OpenFeature.setContext({ targetingKey: 'ada', plan: 'free' })
        .then(() => OpenFeature.setProviderAndWait(provider))
        .then(() => (seen.ready = true), (error) => (seen.ready = String(error.code ?? error)));
    `;
    interface Seen {
      readonly events: [string, string[]][];
      readonly requests: [number, string | null, string | null][];
      readonly ready: boolean | string;
    }

    async function opened(from: Sender, options: object = {}, baseUrl = url) {
      const { page, close } = await browserPage(script(from, options, baseUrl));
      const wait = (what: string) => page.waitForFunction(what, undefined, { timeout: PATIENCE_MS });
      await wait('window.seen?.ready');
      return { page, close, wait, seen: () => page.evaluate<Seen>('window.seen') };
    }
    const CHANGED = 'PROVIDER_CONFIGURATION_CHANGED';

    it('hear of a change by the stream, fetch again by themselves, and tell exactly what changed', async () => {
      const from = await shop();
      const { page, close, wait, seen } = await opened(from);
      try {
        const values = `[client.getBooleanValue('checkout/new', true), client.getStringValue('button', ''),
          client.getObjectValue('limits', {}), client.getNumberValue('size', 0), client.getBooleanDetails('off', false).reason]`;
        assert.deepEqual(await page.evaluate(values), [false, 'blue', { max: 5 }, 1.5, 'DISABLED']);
        // Until the stream is open, nothing is told but what was missed by then.
        await sleep(500);
        await edit.change(from.app, 'button', { defaultValue: 'red' });
        await wait(`client.getStringValue('button', '') === 'red'`);
        await wait('seen.events.length > 0');
        const { events, requests, ready } = await seen();
        assert.equal(ready, true);
        assert.deepEqual(events, [[CHANGED, ['button']]], 'the others are byte for byte as before');
        assert.deepEqual([requests.length, requests[1]?.[0], requests[1]?.[2]], [2, 200, '"7"']);
        assert.match(String(requests[1]?.[1]), /^"6-/, 'it shows what it has');

        await page.evaluate(`setContext({ targetingKey: 'ada', plan: 'pro' })`);
        await wait(`client.getBooleanValue('checkout/new', false) === true`);
        assert.equal((await seen()).requests.at(-1)?.[0], 200, 'another context is another answer');
      } finally {
        await close();
      }
    });

    it('poll, are told by a 304 that nothing changed, and by its body what did', async () => {
      const from = await shop();
      const { close, wait, seen } = await opened(from, { pollInterval: 200, changeDetection: 'polling' });
      try {
        await wait('seen.requests.length > 3');
        const { requests } = await seen();
        assert.deepEqual(
          requests.map(([status]) => status),
          [200, ...requests.slice(1).map(() => 304)],
        );
        await edit.change(from.app, 'size', { defaultValue: 2 });
        await wait(`client.getNumberValue('size', 0) === 2`);
        assert.deepEqual((await seen()).events, [[CHANGED, ['size']]]);
      } finally {
        await close();
      }
    });

    it('know what went wrong, flag by flag, and when their key is none', async () => {
      const from = await shop();
      const { page, close, wait } = await opened(from);
      try {
        const code = (key: string) => page.evaluate(`client.getBooleanDetails('${key}', false).errorCode`);
        assert.equal(await code('nothing'), 'FLAG_NOT_FOUND');
        assert.equal(await code('split'), undefined);
        await page.evaluate('setContext({})');
        await wait(`client.getBooleanDetails('split', false).errorCode === 'TARGETING_KEY_MISSING'`);
        assert.equal(await page.evaluate(`client.getStringValue('button', '')`), 'blue');
      } finally {
        await close();
      }
      const refused = await opened({ ...from, key: 'exp_none' });
      const { ready } = await refused.seen();
      await refused.close();
      assert.match(String(ready), /FATAL/);
    });

    it('wait for as long as a 429 says', async () => {
      const from = await shop();
      const api = await ingestApi(it_.client, it_.db, { requestsPerSecondPerKey: 2 });
      const baseUrl = await api.listen({ host: '127.0.0.1', port: 0 });
      const page = await opened(from, { pollInterval: 50, changeDetection: 'polling' }, baseUrl);
      try {
        await page.wait('seen.requests.filter(([status]) => status === 429).length > 1');
        await page.wait('seen.requests.at(-1)[0] === 304');
        const { requests } = await page.seen();
        const refused = requests.filter(([status]) => status === 429).length;
        assert.ok(refused < requests.length / 2, `${String(refused)} of ${String(requests.length)} were refused`);
      } finally {
        await page.close();
        await api.close();
      }
    });
  });
});
