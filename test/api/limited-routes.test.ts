import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ingest, type Ingest } from '../helper/ingest.js';
import { envelope } from '../helper/sentry.js';
import { type Route, routesOf } from '../helper/routes.js';

/** What a route needs beside the key, to get as far as its limit. */
const bodyOf = (url: string, key: string, dsnId: number): Buffer => {
  if (url.includes('sentry/tunnel')) {
    return envelope({ dsn: `https://${key}@example.com/${String(dsnId)}` }, ['event', {}]);
  }
  return Buffer.from(JSON.stringify({ batch: [], distinct_id: 'anna' }));
};

describe('the limits of a key', () => {
  let it_: Ingest;
  let keyed: Route[];
  before(async () => {
    const { built, routes } = await routesOf(() => ingest('limited_routes', { requestsPerSecondPerKey: 0 }));
    it_ = built;
    keyed = routes.filter(
      ({ access, takesServerKey, method }) =>
        (access === 'app-key' || takesServerKey) && !['OPTIONS', 'HEAD'].includes(method),
    );
  });
  after(() => it_.close());

  it('hold on every route that takes an app key', async () => {
    assert.ok(keyed.length > 20 && keyed.some(({ takesServerKey }) => takesServerKey));
    const { app, key, serverKey } = it_.shop;
    for (const { method, url, takesServerKey } of keyed) {
      const used = takesServerKey ? serverKey : key;
      const path = url
        .replace(':appId', app.appId)
        .replace(':batchId', 'a'.repeat(64))
        .replace(':dsnId', String(app.dsnId))
        .replace(':key', key);
      const answer = await it_.api.inject({
        method: method as 'GET',
        url: path,
        headers: { authorization: `Bearer ${used}`, 'x-sentry-auth': `Sentry sentry_key=${used}` },
        ...(method === 'POST' && { payload: bodyOf(url, key, app.dsnId) }),
      });
      const { code } = answer.json<{ readonly code?: string }>();
      assert.deepEqual([answer.statusCode, code], [429, 'RATE_LIMITED'], `${method} ${url}: ${answer.body}`);
    }
  });
});
