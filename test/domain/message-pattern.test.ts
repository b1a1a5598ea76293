import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { normaliseMessage } from '../../domain/message-pattern.js';

describe('normaliseMessage', () => {
  const cases: readonly [message: string, pattern: string][] = [
    ['user bob@example.com not found', 'user <email> not found'],
    ['GET https://api.example/v1/carts/12?x=1 failed with 503', 'GET <url> failed with <int>'],
    ['connect ECONNREFUSED 10.0.0.1:5432', 'connect ECONNREFUSED <ip>:<int>'],
    ['from ::1, fe80::1 and 2001:db8::8a2e:370:7334', 'from <ip>, <ip> and <ip>'],
    ['from 1:2:3:4:5:6:7:8', 'from <ip>'],
    ['getaddrinfo ENOTFOUND db.shop.internal', 'getaddrinfo ENOTFOUND <hostname>'],
    ['trace 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 lost', 'trace <traceparent> lost'],
    ['no cart 7d444840-9dc0-11d1-b245-5ffdce74fad2', 'no cart <uuid>'],
    ['blob da39a3ee5e6b4b0d3255bfef95601890afd80709', 'blob <sha1>'],
    ['etag d41d8cd98f00b204e9800998ecf8427e', 'etag <md5>'],
    ['at 2024-05-01T10:11:12.123Z', 'at <date>'],
    ['on 2024-05-01 10:11:12+02:00 or 2024-05-01', 'on <date> or <date>'],
    ['since Wed, 01 May 2024 10:11:12 GMT', 'since <date>'],
    ['since Wed May 01 2024 10:11:12 GMT+0200 (Central European Summer Time) here', 'since <date> here'],
    ['since Jan 02, 1999', 'since <date>'],
    ['at 10:11:12 or 3:04 pm', 'at <date> or <date>'],
    ['on 5/1/2024, 10:11:12 AM', 'on <date>'],
    ['timeout of 5000ms exceeded after 1.5s', 'timeout of <duration> exceeded after <duration>'],
    ['at 0xDEADBEEF and 3f2a9c1b0d', 'at <hex> and <hex>'],
    ['order 123456789', 'order <hex>'],
    ['commit a1b2c3d', 'commit <git_sha>'],
    ['1.25 is not -4.5', '<float> is not <float>'],
    ['index 12 of -3', 'index <int> of <int>'],
    [`name="bob smith" or name='x'`, 'name=<quoted_str> or name=<quoted_str>'],
    ['ok=true or ok=False', 'ok=<bool> or ok=<bool>'],
  ];
  for (const [message, pattern] of cases)
    it(`reads '${message}'`, () => assert.equal(normaliseMessage(message), pattern));

  const kept = [
    "Cannot read properties of undefined (reading 'total')",
    "undefined is not an object (evaluating 'item.id')",
    'state.to is not a function',
    'std::vector and Ace::bar',
    'the answer is "true", not false',
    'facade of a decade',
    'user12 and x86_64',
    '',
  ];
  for (const message of kept)
    it(`leaves '${message}' as it is`, () => assert.equal(normaliseMessage(message), message));

  it('tries an e-mail before a host, a UUID before hex, a date before numbers', () => {
    assert.equal(
      normaliseMessage('bob@shop.com 7d444840-9dc0-11d1-b245-5ffdce74fad2 2024-05-01'),
      '<email> <uuid> <date>',
    );
  });

  it('looks at the first two lines that say something', () => {
    assert.equal(
      normaliseMessage('\n  no\tcart \r\n\r\n  with id 5\nat some.stack (that:1:2)'),
      'no cart\nwith id <int>',
    );
  });

  it('is the same where a value lies on the cut', () => {
    const before = 'word '.repeat(203);
    const [one, two] = ['7d444840-9dc0-11d1-b245-5ffdce74fad2', '1d444840-9dc0-11d1-b245-5ffdce74fad3'].map((id) =>
      normaliseMessage(`${before}${id} is gone`),
    );
    assert.equal(one, two);
    assert.equal(one, before.trimEnd());
  });

  it('ends and is bounded on any text, and the same text is the same', () => {
    const atom = fc.constantFrom(
      ...['a', '1', 'f', '.', '-', ':', '@', '=', "'", '"', '/', ' ', '\n', '0x', 'http://', '::', 'Mon ', 'Jan 1 '],
      ...['12:00', '2024-01-01', '00-', '\ud800', '\u2028', 'é', '😀'],
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(atom, { maxLength: 400 }).map((atoms) => atoms.join('')),
    );
    fc.assert(
      fc.property(text, fc.nat(200), (part, times) => {
        const hostile = part.repeat(times + 1);
        const pattern = normaliseMessage(hostile);
        assert.ok(pattern.length <= 16 * 1024);
        assert.equal(normaliseMessage(hostile), pattern);
      }),
      { numRuns: 500 },
    );
  });
});
