import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FilterConfig } from '../../domain/app.js';
import { globs } from '../../domain/glob.js';
import { inboundFilter } from '../../domain/inbound-filter.js';
import type { Occurrence } from '../../domain/occurrence.js';
import { frameOf, occurrenceOf } from '../helper/occurrence.js';
import { cpuMs } from '../helper/cpu-time.js';

const OFF: FilterConfig = { browserExtensions: false, localhost: false, releases: [], messages: [] };
const reason = (config: Partial<FilterConfig>, fields: Partial<Occurrence>) =>
  inboundFilter({ ...OFF, ...config })(occurrenceOf(fields));
const thrownIn = (...files: string[]) => ({
  exceptions: [{ type: 'TypeError', value: 'x', synthetic: false, handled: null, frames: files.map(frameOf) }],
});

describe('the inbound filter', () => {
  it('that is off takes everything', () => {
    const worst = {
      ...thrownIn('chrome-extension://abc/x.js'),
      pageUrl: 'http://localhost/',
      release: '1',
      message: 'x',
    };
    assert.equal(reason({}, worst), undefined);
  });

  const extensions: readonly [what: string, fields: Partial<Occurrence>][] = [
    ['a frame of Chrome', thrownIn('chrome-extension://abcdef/content.js')],
    ['a frame of Firefox', thrownIn('<anonymous>', '', 'moz-extension://0-1/x.js', 'https://shop/app.js')],
    ['a frame of Safari', thrownIn('safari-web-extension://0/x.js')],
    ['a source file', { sourceFile: 'chrome-extension://abc/x.js' }],
    [
      'a stack of Chrome',
      { stackTrace: 'Error: x\n    at f (chrome-extension://abc/x.js:1:2)\n    at g (https://shop/a.js:1:2)' },
    ],
    ['a stack of Firefox', { stackTrace: 'f@moz-extension://abc/x.js:1:2\ng@https://shop/a.js:1:2' }],
    ['a message', { message: 'Error: Extension context invalidated.' }],
    [
      "an exception's message",
      {
        exceptions: [
          { type: 'ReferenceError', value: "Can't find variable: gmo", synthetic: false, handled: false, frames: [] },
        ],
      },
    ],
  ];
  for (const [what, fields] of extensions) {
    it(`knows a browser's extension by ${what}`, () => {
      assert.equal(reason({ browserExtensions: true }, fields), 'browser_extension');
    });
  }

  it('keeps what the app threw while an extension called it, and what only talks of one', () => {
    const config = { browserExtensions: true };
    assert.equal(reason(config, thrownIn('https://shop/app.js', 'chrome-extension://abc/x.js')), undefined);
    const stackTrace =
      'Error: no chrome-extension://abc\n    at g (https://shop/a.js:1:2)\n    at f (chrome-extension://abc/x.js:1:2)';
    assert.equal(reason(config, { stackTrace }), undefined);
    assert.equal(reason(config, { message: 'install our extension', pageUrl: 'https://shop/' }), undefined);
  });

  it('knows localhost by the page, and nothing that is only called like it', () => {
    const local = [
      'http://localhost',
      'http://localhost:3000/x',
      'https://LOCALHOST/',
      'http://127.0.0.1:80/',
      'http://127.9.9.9',
      'http://[::1]:3000/',
      'http://u:p@localhost/',
      'http://shop.localhost:1/',
      'http://0.0.0.0/',
      'capacitor://localhost',
    ];
    for (const pageUrl of local) assert.equal(reason({ localhost: true }, { pageUrl }), 'localhost', pageUrl);
    const remote = [
      '',
      '/localhost',
      'https://localhost.example.com/',
      'https://mylocalhost/',
      'https://shop/?u=http://localhost/',
      'https://1.127.0.0.1.com',
      'https://shop@x/localhost',
      'localhost',
    ];
    for (const pageUrl of remote) assert.equal(reason({ localhost: true }, { pageUrl }), undefined, pageUrl);
  });

  it('goes by globs of releases', () => {
    const config = { releases: ['shop@1.*', '*-dev?'] };
    for (const release of ['shop@1.0.0', 'SHOP@1.', 'x-dev1'])
      assert.equal(reason(config, { release }), 'release', release);
    for (const release of ['', 'shop@2.0.0', 'shop@1', 'xshop@1.0', 'x-dev', 'x-dev12'])
      assert.equal(reason(config, { release }), undefined, release);
  });

  it('goes by globs of messages, of each exception too, with and without its type', () => {
    const config = { messages: ['ResizeObserver loop*', 'TypeError: *fetch*', '*[ads] (blocked)?'] };
    const causes = (type: string, value: string) => ({
      exceptions: [{ type, value, synthetic: false, handled: null, frames: [] }],
    });
    assert.equal(reason(config, { message: 'ResizeObserver loop limit exceeded' }), 'message');
    assert.equal(reason(config, { message: 'line one\nof [ADS] (blocked)!' }), 'message');
    assert.equal(reason(config, causes('TypeError', 'Failed to fetch\n')), 'message');
    assert.equal(reason(config, causes('RangeError', 'Failed to fetch')), undefined);
    assert.equal(reason(config, causes('', 'ResizeObserver loop')), 'message');
    assert.equal(reason(config, { message: 'a [ads] (blocked)' }), undefined);
    assert.equal(reason({ messages: ['*'] }, { message: '' }), undefined, 'no message is like none');
  });

  it('takes linear time on hostile globs and texts', async () => {
    const any = globs(Array.from({ length: 50 }, (_, index) => `${'*a'.repeat(90)}b${String(index)}`));
    const took = await cpuMs(() => {
      assert.equal(any('a'.repeat(10_000_000)), false);
      assert.equal(any(`${'a'.repeat(1_000)}b7`), true);
      const all = { browserExtensions: true, localhost: true, releases: ['*a*a*b'], messages: ['*a*a*b'] };
      for (const part of ['a', '.', 'http://', '@', 'chrome-extension:', ':1\n', '\n', '127.']) {
        const text = part.repeat(1_000_000);
        reason(all, {
          message: text,
          stackTrace: text,
          pageUrl: text,
          release: text,
          sourceFile: text,
          ...thrownIn(text),
        });
      }
    });
    assert.ok(took < 2_000, `took ${String(took)} ms`);
  });
});
