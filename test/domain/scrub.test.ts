import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import errorStackParser from 'error-stack-parser';
import fc from 'fast-check';
import type { ScrubConfig } from '../../domain/app.js';
import { anyOf, patternFault } from '../../domain/pattern.js';
import { scrubber } from '../../domain/scrub.js';
import { finished } from '../../domain/steps.js';
import type { Occurrence } from '../../domain/occurrence.js';
import { occurrenceOf, frameOf } from '../helper/occurrence.js';
import { cpuMs } from '../helper/cpu-time.js';

const OFF: ScrubConfig = { emails: false, ips: false, keys: [], patterns: [] };
const scrubbing = (config: Partial<ScrubConfig> = {}) => {
  const scrub = scrubber({ ...OFF, ...config });
  return (occurrence: Occurrence): Occurrence => finished(scrub(occurrence)).occurrence;
};
const scrub = scrubbing();
const message = (text: string, config: Partial<ScrubConfig> = {}) =>
  scrubbing(config)(occurrenceOf({ message: text })).message;

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV';
const APP_KEY = `exp_${'aB3'.repeat(12)}`;
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nabcdefgh\n-----END RSA PRIVATE KEY-----';

describe('scrubbing a text', () => {
  const gone: readonly [what: string, text: string, clean: string][] = [
    ['a bearer token', 'sent Authorization with Bearer abc123def456', 'sent Authorization with Bearer [scrubbed]'],
    ['basic authentication', 'Basic dXNlcjpwYXNz sent', 'Basic [scrubbed] sent'],
    ['a JWT', `got ${JWT}.`, 'got [scrubbed]'],
    ['an app key', `key ${APP_KEY} revoked`, 'key [scrubbed] revoked'],
    ['a member token', `key exm_${'x1'.repeat(20)}`, 'key [scrubbed]'],
    ['an invitation', `key exi_${'x1'.repeat(20)}`, 'key [scrubbed]'],
    ['an AWS key', 'AKIAIOSFODNN7EXAMPLE is denied', '[scrubbed] is denied'],
    ['a GitHub token', `ghp_${'a1'.repeat(18)} failed`, '[scrubbed] failed'],
    ['the password of a URL', 'mongodb://root:hunter2@db:27017/x', 'mongodb://[scrubbed]@db:27017/x'],
    ['a password of a URL with an @', 'https://u:p@ss@host/x', 'https://[scrubbed]@host/x'],
    ['a private key', `read ${PEM} from disk`, 'read [scrubbed] from disk'],
    ['a private key that was cut off', PEM.slice(0, 50), '[scrubbed]'],
    ['a card number', 'card 4111 1111 1111 1111 declined', 'card [scrubbed] declined'],
    ['a card number among others', 'n 2024 4111-1111-1111-1111 123', 'n 2024 [scrubbed] 123'],
    ['an Amex number', 'card 378282246310005', 'card [scrubbed]'],
    ['a query parameter', 'GET /a?token=abc&page=2', 'GET /a?token=[scrubbed]&page=2'],
    ['an encoded parameter', 'user%5Bpassword%5D=abc&x=1', 'user%5Bpassword%5D=[scrubbed]&x=1'],
    ['a pair', 'login with user=bob password=hunter2 failed', 'login with user=bob password=[scrubbed] failed'],
    ['a pair with a colon', 'password: hunter2', 'password: [scrubbed]'],
    ['JSON', '{"user":"bob","password":"hun\\"ter2","n":1}', '{"user":"bob","password":"[scrubbed]","n":1}'],
    ['JSON in JSON', String.raw`{\"api_key\":\"abc\",\"n\":1}`, String.raw`{\"api_key\":[scrubbed],\"n\":1}`],
    ['a list in JSON', '{"secrets":["a","b"],"n":1}', '{"secrets":[scrubbed],"n":1}'],
    ['an inspected object', "{ accessToken: 'abc', n: 1 }", "{ accessToken: '[scrubbed]', n: 1 }"],
    ['a Ruby hash', ':password=>"abc", :n=>1', ':password=>"[scrubbed]", :n=>1'],
    ['a header', 'Cookie: a=b; c=d\nHost: x', 'Cookie: [scrubbed]\nHost: x'],
    ['a nested pair', 'body="x&client_secret=abc"', 'body="x&client_secret=[scrubbed]"'],
  ];
  for (const [what, text, clean] of gone) {
    it(`takes out ${what}`, () => {
      assert.equal(message(text), clean);
      assert.equal(message(clean), clean, 'a second time changes nothing');
    });
  }

  const stays: readonly string[] = [
    'Unexpected token: punc (})',
    'Unexpected token < in JSON at position 0',
    'Basic authentication failed',
    'Bearer authentication required',
    'order 4111111111111112 of 1700000000000',
    'id 6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    'max_tokens=100 tokenType: x',
    'if (session == null) return author=5',
    'https://example.com:8080/@scope/x?page=2#top',
    "Cannot read properties of undefined (reading 'password')",
    'mail bob@example.com at 10.0.0.1, 12:34:56',
    'exp_short and eyJ alone',
  ];
  for (const text of stays) it(`leaves alone: ${text}`, () => assert.equal(message(text), text));

  it('takes out e-mails and addresses where the app says so', () => {
    const text =
      'bob.o+x@mail.example.com (bob%40example.com) from 10.0.0.255, ::1 and 2001:db8::8a2e:370:7334 at 12:34:56 v1.2.3';
    const clean = message(text, { emails: true, ips: true });
    assert.equal(clean, '[scrubbed] ([scrubbed]) from [scrubbed], [scrubbed] and [scrubbed] at 12:34:56 v1.2.3');
    assert.equal(message(text), text);
  });

  it("takes out the app's own names, in any case, and its patterns", () => {
    const config = { keys: ['Customer-Number'], patterns: ['(?i)acct-\\d{6}', 'x*y'] };
    assert.equal(
      message('customer_number=77 ACCT-123456 acct-12 xxy', config),
      'customer_number=[scrubbed] [scrubbed] acct-12 [scrubbed]',
    );
    assert.equal(message('customer_number=77 ACCT-123456'), 'customer_number=77 ACCT-123456');
  });

  it('does without patterns that are none', () =>
    assert.equal(message('a1', { patterns: ['(', '\\d'] }), 'a[scrubbed]'));
});

describe('scrubbing an occurrence', () => {
  it('goes by the names in maps', () => {
    const names = [
      'password',
      'X-Api-Key',
      'sessionId',
      'creditCardNumber',
      'ssn',
      'DB_PASSWD',
      'authToken',
      'connect.sid',
    ];
    const kept = ['user', 'author', 'page', 'passenger', 'token_count', 'keyboard', 'sessionDuration', 'design'];
    const map = Object.fromEntries([...names, ...kept].map((name) => [name, 'value']));
    const breadcrumb = {
      timestampMs: 1,
      category: 'http',
      message: 'GET /?sid=1',
      data: { url: '/?secret=1', password: 'value' },
    };
    const { tags, breadcrumbs } = scrub(occurrenceOf({ tags: { ...map, token: '' }, breadcrumbs: [breadcrumb] }));
    for (const name of names) assert.equal(tags[name], '[scrubbed]', name);
    for (const name of kept) assert.equal(tags[name], 'value', name);
    assert.equal(tags['token'], '', 'nothing is no secret');
    assert.equal(breadcrumbs[0]?.message, 'GET /?sid=[scrubbed]');
    assert.equal(breadcrumbs[0].data['password'], '[scrubbed]');
    assert.equal(breadcrumbs[0].data['url'], '/?secret=[scrubbed]');
  });

  it('looks into every text of it, and changes nothing else', () => {
    const secret = `Bearer ${APP_KEY}`;
    const page = {
      path: `/?token=1`,
      title: secret,
      referrer: `http://u:p@x/`,
      viewportWidth: 1,
      viewportHeight: 2,
      loadTimeMs: 3,
    };
    const exception = { type: 'E', value: secret, synthetic: false, handled: false, frames: [] };
    const context = { before: [`const a = '${APP_KEY}';`], line: 'const token = await next();', after: [] };
    const frame = { ...frameOf('https://x/a.js?token=abc:1:2'), function: 'password', context };
    const occurrence = occurrenceOf({
      message: secret,
      stackTrace: `Error: ${secret}\n    at f (https://x/a.js?sid=1:10:5)`,
      exceptions: [{ ...exception, frames: [frame] }, exception],
      userComment: 'my card is 4111111111111111',
      pageUrl: 'https://x/?a=1&access_token=abc#id_token=xyz',
      pageContext: page,
      fingerprint: ['{{ default }}', secret],
      flags: { token: 'on' },
      release: 'app@1.0.0+token',
    });
    const clean = scrub(occurrence);
    assert.doesNotMatch(JSON.stringify(clean), /exp_|4111|hunter|:p@|abc|xyz/);
    const [first] = clean.exceptions;
    assert.deepEqual(first?.frames[0], {
      ...frame,
      file: 'https://x/a.js?token=[scrubbed]:1:2',
      context: { before: ["const a = '[scrubbed]';"], line: 'const token = await next();', after: [] },
    });
    assert.equal(clean.stackTrace, 'Error: Bearer [scrubbed]\n    at f (https://x/a.js?sid=[scrubbed]:10:5)');
    assert.deepEqual(clean.fingerprint, ['{{ default }}', 'Bearer [scrubbed]']);
    const { flags, release, errorId, profileId, pageContext } = clean;
    assert.deepEqual({ flags, release, errorId, profileId }, pick(occurrence));
    assert.equal(pageContext?.viewportWidth, 1);
  });

  it('hides the lines of source around a private key', () => {
    const context = { before: ['-----BEGIN PRIVATE KEY-----'], line: 'MIIabc', after: ['f();'] };
    const exception = {
      type: 'E',
      value: '',
      synthetic: false,
      handled: null,
      frames: [{ ...frameOf('a.js'), context }],
    };
    const [clean] = scrub(occurrenceOf({ exceptions: [exception] })).exceptions;
    assert.deepEqual(clean?.frames[0]?.context, { before: ['[scrubbed]'], line: '[scrubbed]', after: ['[scrubbed]'] });
  });

  it('leaves every frame of a stack as readable as it was', () => {
    const everything = scrubbing({ emails: true, ips: true, keys: ['app'], patterns: ['js', '\\d+', 'render'] });
    const stacks = [
      'Error: x\n    at render (http://10.0.0.1:8080/app/main.4111111111111111.js:10:5)\n    at async http://u@h/token=1/b.js:1:2',
      'render@http://10.0.0.1/app.js:10:5\nbob@http://mail.example.com/x.js:1:22\n@http://x/y.js:3:4',
      'Error\n    at Object.password (/srv/secret/app.js:10:5)\n    at new Token (node:internal/x:1:2)',
    ];
    for (const stack of stacks) {
      const clean = everything(occurrenceOf({ stackTrace: stack })).stackTrace;
      assert.deepEqual(parsed(clean), parsed(stack));
    }
  });

  it('never takes long, and never throws, whatever it is given', async () => {
    const hostile = [
      '@',
      'a@',
      'eyJ',
      '://a:',
      '=',
      'password=',
      '"password":"',
      '4111 ',
      '1',
      ' ',
      '-----BEGIN PRIVATE KEY-----',
      'bearer ',
      '127.',
      'a:',
      '::',
      '%40',
      '(',
      '\n',
      'at @:1\n',
      '?a=',
      "'",
      '\\"',
      '\uD800',
      'token:[',
      'x/:1 ',
    ];
    const all = scrubbing({ emails: true, ips: true, keys: ['a'], patterns: ['(a*)*b', '(?i)(x+x+)+y', '\\d{1,50}z'] });
    for (const part of hostile) {
      const text = part.repeat(1_000_000 / part.length);
      const frames = Array.from({ length: 5_000 }, () => frameOf(text.slice(0, 2_000)));
      const exception = { type: text, value: text, synthetic: false, handled: null, frames };
      const everywhere = { message: text, stackTrace: text, pageUrl: text, tags: { [text]: text } };
      const took = await cpuMs(() => all(occurrenceOf({ ...everywhere, exceptions: [exception] })));
      assert.ok(took < 8_000, `${JSON.stringify(part)} took ${String(took)} ms`);
    }
  });

  it('takes its patterns over no more in one step than takes tens of ms, and hides a text that takes more', () => {
    const patterns = ['(?:a|b)?'.repeat(150) + 'c'];
    const { instructions = 0 } = anyOf(patterns) ?? {};
    const steps = scrubber({ ...OFF, patterns });
    const hidden = finished(steps(occurrenceOf({ message: 'abc '.repeat(2_000), userComment: 'nothing' })));
    assert.deepEqual([hidden.occurrence.message, hidden.occurrence.userComment], ['[scrubbed]', 'nothing']);
    const text = 'abc '.repeat(Math.floor(1_000_000 / instructions / 4));
    const many = occurrenceOf({ tags: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [String(n), text])) });
    const turns = [...steps(many)].length;
    assert.ok(turns >= 9, `${turns} turns`);
  });

  it('takes out the whole of what would take its patterns too long', async () => {
    const slow = scrubbing({ patterns: ['(?i)(?:[\\pL\\pN]{90}){10}b'] });
    const tags = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`k${String(index)}`, 'é'.repeat(20_000)]),
    );
    let clean = occurrenceOf({});
    const took = await cpuMs(() => {
      clean = slow(occurrenceOf({ message: 'fine', tags }));
    });
    assert.ok(took < 5_000, `took ${String(took)} ms`);
    assert.equal(clean.message, 'fine');
    assert.equal(clean.tags['k63'], '[scrubbed]');
  });

  it('never leaves a secret, wherever it stands between random texts', () => {
    const around = fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/[\w-]/g, ' '));
    fc.assert(
      fc.property(around, around, fc.constantFrom(JWT, APP_KEY, 'AKIAIOSFODNN7EXAMPLE'), (before, after, secret) => {
        assert.ok(!message(`${before} ${secret} ${after}`).includes(secret));
      }),
    );
  });
});

describe("an app's patterns", () => {
  it('are refused by name where they cannot be used', () => {
    assert.equal(patternFault([]), undefined);
    assert.equal(patternFault(['acct-\\d+', '(?i)x']), undefined);
    for (const wrong of ['(', '(?=x)', '(a)\\1', 'a*', 'x{2000}', '(?P<n>a)|('])
      assert.notEqual(patternFault([wrong]), undefined, wrong);
    assert.notEqual(patternFault(['(?P<n>a)', '(?P<n>b)']), undefined);
    assert.notEqual(patternFault(['(abcdefghij){900}']), undefined);
    assert.notEqual(patternFault(Array.from({ length: 3 }, () => 'a{400}')), undefined);
  });
});

function pick({ flags, release, errorId, profileId }: ReturnType<typeof occurrenceOf>) {
  return { flags, release, errorId, profileId };
}

function parsed(stack: string) {
  const error = Object.assign(new Error('x'), { stack });
  return errorStackParser.default.parse(error).map(({ fileName, functionName, lineNumber, columnNumber }) => ({
    fileName,
    functionName,
    lineNumber,
    columnNumber,
  }));
}
