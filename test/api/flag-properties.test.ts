import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { management, type Management } from '../helper/management.js';
import { type Random, seededRandom } from '../helper/random.js';

const SEED = 20261123;

/** Pieces of JSON text that trouble somebody: parsers, prototypes, BSON, regular expressions, the driver. */
const TROUBLE = [
  'null',
  'true',
  '-0',
  '1e999',
  '12.5',
  '9007199254740993',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"(a+)+$"',
  '"a{1000}{1000}"',
  '"$where"',
  '[]',
  '{}',
  '{"__proto__":{"toString":1}}',
  '{"constructor":{"prototype":{"then":1}}}',
  '{"$set":{"x":1},"a.b":{"":null}}',
  '{"$ref":"x","$id":1}',
  '{"_bsontype":"ObjectId"}',
  '{"toJSON":1,"then":{}}',
  '{"$date":"x","$oid":"y"}',
  '{"a\\u0000b":1}',
  `${'['.repeat(60)}${']'.repeat(60)}`,
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  `"${'x'.repeat(70_000)}"`,
];
const TEXTS = ['"plan"', '"in"', '"matches"', '"in_segment"', '"semver_range"', '"cidr"', '"between"', '"s1"', '"f1"'];

/** JSON text with something wrong in it, sometimes. */
function oddJson(random: Random, levels = 3): string {
  if (levels === 0 || random.chance(0.3)) return random.pick(random.chance(0.5) ? TROUBLE : TEXTS);
  const inner = Array.from({ length: random.below(4) }, () => oddJson(random, levels - 1));
  if (random.chance(0.5)) return `[${inner.join()}]`;
  const names = ['"a"', '"$a"', '"a.b"', '"__proto__"', '"type"', '"items"', '"properties"', '"pattern"', '"enum"'];
  return `{${inner.map((each) => `${random.pick(names)}:${each}`).join()}}`;
}

/** What would be taken, with some parts replaced by anything. */
function body(random: Random, fields: Readonly<Record<string, () => string>>): string {
  const parts = Object.entries(fields).flatMap(([name, sound]) => {
    if (random.chance(0.03)) return [];
    return [`${JSON.stringify(name)}:${random.chance(0.05) ? oddJson(random) : sound()}`];
  });
  if (random.chance(0.05)) parts.push(`"__proto__":${oddJson(random, 1)}`);
  return `{${parts.join()}}`;
}

const text = (value: unknown) => () => JSON.stringify(value);
const list = (random: Random, item: () => string) => () => `[${Array.from({ length: random.below(3) }, item).join()}]`;

const condition = (random: Random) => () =>
  body(random, {
    attribute: text(random.pick(['plan', 'a.b', '__proto__', ''])),
    operator: () => random.pick(TEXTS),
    values: list(random, () => random.pick([...TEXTS, '"1.2.3"', '"10.0.0.0/8"', '"2026-01-01"', '"("'])),
  });

const rule = (random: Random) => () =>
  body(random, {
    ruleId: text(`r${String(random.below(4))}`),
    conditions: list(random, condition(random)),
    value: () => random.pick(['true', 'false', oddJson(random)]),
    rolloutPercentage: () => String(random.below(101)),
  });

const definition = (random: Random, key: string) => ({
  key: text(key),
  type: text(random.pick(['boolean', 'json'])),
  defaultValue: () => random.pick(['true', 'false', oddJson(random)]),
  description: text('what it does'),
  rules: list(random, rule(random)),
  tags: text(['a']),
  expiresAt: text(random.pick([null, '2030-01-01T00:00:00Z'])),
  valueSchema: () => random.pick(['null', 'null', '{"type":"object"}', oddJson(random)]),
  prerequisites: list(random, () => body(random, { flagKey: () => '"f1"', values: text([true]) })),
});

const segment = (random: Random, key: string) => ({
  key: text(key),
  clauses: list(random, () => body(random, { conditions: list(random, condition(random)) })),
});

describe('whatever is sent for a flag', () => {
  let it_: Management;
  before(async () => {
    it_ = await management('flag-properties');
    await it_.register('shop');
  });
  after(() => it_.close());

  const send = (method: 'POST' | 'PATCH' | 'DELETE', path: string, payload?: string) =>
    it_.app.inject({
      method,
      url: `/v1/apps/shop/${path}`,
      headers: { authorization: `Bearer ${it_.owner.token}`, 'content-type': 'application/json' },
      ...(payload === undefined ? {} : { payload }),
    });

  it('the answer is never a 5xx, and there is no change without its revision and its audit entry', async () => {
    const random = seededRandom(SEED);
    const key = () => `f${String(random.below(30))}`;
    const segmentKey = () => `s${String(random.below(3))}`;
    const without = (name: string, fields: Record<string, () => string>) =>
      Object.fromEntries(Object.entries(fields).filter(([each]) => each !== name));
    const requests: readonly (() => ReturnType<typeof send>)[] = [
      () => send('POST', 'flags', body(random, definition(random, key()))),
      () => send('POST', 'flags', `{"key":"${key()}","type":"json","defaultValue":${oddJson(random)}}`),
      () => send('PATCH', `flags/${key()}`, body(random, without('key', without('type', definition(random, key()))))),
      () => send('PATCH', `flags/${key()}`, `{"description":"${String(random.below(1e6))}"}`),
      () => send('POST', `flags/${key()}/${random.pick(['kill', 'revive', 'archive', 'restore'])}`, '{}'),
      () => send('POST', `flags/${key()}/revert`, `{"version":${String(1 + random.below(8))}}`),
      () => send('POST', `flags/${key()}/${random.pick(['kill', 'revert'])}`, oddJson(random)),
      () => send('POST', 'flag-segments', body(random, segment(random, segmentKey()))),
      () => send('PATCH', `flag-segments/${segmentKey()}`, body(random, without('key', segment(random, '')))),
      () => send('DELETE', `flag-segments/${segmentKey()}?note=x`),
      () =>
        send(
          'POST',
          'flag-import',
          body(random, {
            flags: list(random, () => body(random, definition(random, key()))),
            segments: list(random, () => body(random, segment(random, segmentKey()))),
            note: text('brought along'),
          }),
        ),
      () => send('POST', random.pick(['flags', 'flag-segments', 'flag-import']), oddJson(random)),
    ];
    const statuses = new Map<number, number>();
    for (let round = 0; round < 150; round++) {
      const answers = await Promise.all(Array.from({ length: 4 }, () => random.pick(requests)()));
      for (const { statusCode, body: answer } of answers) {
        assert.ok(statusCode < 500, `seed ${String(SEED)}, round ${String(round)}: ${answer}`);
        statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
      }
    }
    for (const status of [200, 201, 400, 404, 409])
      assert.ok((statuses.get(status) ?? 0) > 5, `few of ${String(status)}: ${JSON.stringify([...statuses])}`);

    const app = await it_.apps.findBySlug('shop');
    assert.ok(app !== undefined);
    const of = (name: string, filter: object = {}) =>
      it_.db.collection(name).countDocuments({ appId: app.id, ...filter });
    const revisions = await of('flag_revisions');
    assert.ok(revisions > 50, 'there were changes');
    assert.equal(await of('audit_log', { 'target.kind': 'flag' }), revisions);
    const versions: readonly unknown[] = await it_.db
      .collection('audit_log')
      .distinct('after.appVersion', { appId: app.id });
    const removals = await of('audit_log', { action: 'flag-segment.removed' });
    const state = await it_.flagStates.find(app.id);
    assert.equal(versions.length + removals, state?.version, 'a version for each change');
    for (const flag of await it_.db.collection('feature_flags').find({ appId: app.id }).toArray()) {
      assert.equal(await of('flag_revisions', { flagKey: flag['key'] as string }), flag['version']);
    }
  });
});
