import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { ERROR_SORTS, type ErrorSort } from '../../db/error-reads.js';
import { ERROR_STATUSES } from '../../domain/error-status.js';
import { groupOf } from '../helper/error-group.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

const HOUR_MS = 3_600_000;
const SIZE = 3_500;
const NOUNS = ['checkout', 'cart', 'invoice', 'avatar', 'search'];
const name = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** By their number, so that every share is known: many in one release, few in another, and most with equal counts. */
function group(appId: ObjectId, members: readonly ObjectId[], n: number): ErrorGroupDoc {
  const firstSeen = new Date(Date.UTC(2026, 0, 1) + ((n * 7_919) % SIZE) * HOUR_MS);
  return groupOf({
    appId,
    title: n % 3 === 0 ? 'TypeError' : 'RangeError',
    culprit: `render${name(NOUNS[n % 5] ?? '')}Form (src/${NOUNS[(n + 1) % 5] ?? ''}.ts)`,
    message: `The ${NOUNS[(n + 2) % 5] ?? ''} costs $${String(n)}`,
    firstSeen,
    lastSeen: new Date(firstSeen.getTime() + (n % 50) * HOUR_MS),
    occurrenceCount: n % 10 === 0 ? n + 1 : 1,
    affectedProfiles: n % 4,
    status: ERROR_STATUSES[n % 17 < 12 ? 0 : n % 4] ?? 'new',
    assignee: n % 20 === 0 ? (members[(n / 20) % members.length] ?? null) : null,
    releases: [...(n % 3 === 0 ? [] : ['2.0.0']), ...(n % 100 === 1 ? ['1.9.0'] : [])],
    environments: n % 500 === 0 ? ['preview'] : ['production'],
  });
}

describe('the list of error groups', () => {
  let it_: Management;
  let app: Awaited<ReturnType<Management['register']>>;
  let token: string;
  let me: string;
  let all: ErrorGroupDoc[];
  before(async () => {
    it_ = await management('errors-list');
    app = await it_.register('shop');
    ({ id: me, token } = await it_.person([{ appId: app.id, role: 'viewer' }]));
    const { id: colleague } = await it_.person([{ appId: app.id, role: 'developer' }]);
    const members = [me, colleague].map((id) => ObjectId.createFromHexString(id));
    all = Array.from({ length: SIZE }, (_, n) => group(app.id, members, n));
    const survivor = all[0]?._id ?? null;
    const merged = groupOf({ appId: app.id, mergedInto: survivor, occurrenceCount: 1_000_000, title: 'Merged' });
    const other = await it_.register('other');
    const theirs = groupOf({ appId: other.id, title: 'Theirs', occurrenceCount: 2_000_000 });
    await groups().insertMany([...all, merged, theirs]);
  });
  after(() => it_.close());

  const groups = () => it_.db.collection<ErrorGroupDoc>('error_groups');
  const ask = (query: string, by = token) => it_.ask(by, 'GET', `/v1/apps/shop/errors?${query}`);

  /** All that a query finds, through all of its pages. */
  async function listed(query: string, between: () => Promise<void> = async () => undefined): Promise<string[]> {
    const ids: string[] = [];
    for (let after = ''; ;) {
      const { status, body, text } = await ask(`${query}${after}`);
      assert.equal(status, 200, text);
      ids.push(...pickList(body, 'groups').map((each) => pickText(each, 'groupId')));
      if (pick(body, 'next') === null) return ids;
      after = `&after=${pickText(body, 'next')}`;
      await between();
    }
  }
  const expected = (
    matches: (group: ErrorGroupDoc) => boolean,
    sort: ErrorSort = 'lastSeen',
    direction: 1 | -1 = -1,
  ): string[] =>
    all
      .filter(matches)
      .sort(
        (a, b) =>
          direction * (Number(a[sort]) - Number(b[sort]) || (a._id.toHexString() < b._id.toHexString() ? -1 : 1)),
      )
      .map(({ _id }) => _id.toHexString());

  const inRelease = (release: string) => (each: ErrorGroupDoc) => each.releases.includes(release);
  const filters: readonly [query: string, matches: (group: ErrorGroupDoc) => boolean][] = [
    ['', () => true],
    ['&status=new', ({ status }) => status === 'new'],
    ['&status=investigating&status=ignored', ({ status }) => status === 'investigating' || status === 'ignored'],
    ['&assignee=none&status=resolved', ({ assignee, status }) => assignee === null && status === 'resolved'],
    ['&assignee=me', ({ assignee }) => assignee?.toHexString() === me],
    ['&release=2.0.0', inRelease('2.0.0')],
    ['&release=1.9.0', inRelease('1.9.0')],
    ['&release=2.0.0&status=ignored', (each) => inRelease('2.0.0')(each) && each.status === 'ignored'],
    [
      '&environment=preview&status=new',
      ({ environments, status }) => environments[0] === 'preview' && status === 'new',
    ],
    [
      '&environment=production&text=invoice',
      (each) => each.environments[0] === 'production' && hasWord(each, 'invoice'),
    ],
    ['&text=TYPEERROR%20inv', (each) => each.title === 'TypeError' && hasWord(each, 'invoice')],
    ['&environment=production', ({ environments }) => environments[0] === 'production'],
    ['&text=formular', () => false],
  ];
  const hasWord = ({ culprit, message }: ErrorGroupDoc, word: string): boolean =>
    `${culprit} ${message}`.toLowerCase().includes(word);

  for (const sort of ERROR_SORTS) {
    for (const direction of ['descending', 'ascending'] as const) {
      it(`has by ${sort}, ${direction}, each group that a filter lets through, once and in order`, async () => {
        for (const [filter, matches] of filters) {
          const query = `sort=${sort}&direction=${direction}&limit=150${filter}`;
          assert.deepEqual(await listed(query), expected(matches, sort, direction === 'ascending' ? 1 : -1), query);
        }
      });
    }
  }

  it('begins with what was seen last, and says of each what there is to see', async () => {
    const { body } = await ask('limit=1');
    const [first] = expected(() => true);
    const newest = all.find(({ _id }) => _id.toHexString() === first);
    assert.ok(newest);
    assert.deepEqual(pick(body, 'groups', 0), {
      groupId: newest._id.toHexString(),
      fingerprint: newest.fingerprint,
      title: newest.title,
      culprit: newest.culprit,
      message: newest.message,
      severity: 'error',
      status: newest.status,
      assignee: newest.assignee?.toHexString() ?? null,
      firstSeen: newest.firstSeen.toISOString(),
      lastSeen: newest.lastSeen.toISOString(),
      occurrenceCount: newest.occurrenceCount,
      affectedProfiles: newest.affectedProfiles,
      firstRelease: newest.releases[0] ?? null,
      newestRelease: newest.releases.at(-1) ?? null,
      resolution: null,
      ignore: null,
      regressedAt: null,
      regressionCount: 0,
      verifiedAt: null,
    });
  });

  it('has no group twice while occurrences move groups to the front', async () => {
    const before_ = await groups().find({ appId: app.id }).toArray();
    let round = 0;
    const ids = await listed('sort=occurrenceCount&limit=200&status=new', async () => {
      round += 1;
      const moved = all.filter((_, n) => n % 40 === round).map(({ _id }) => _id);
      await groups().updateMany({ _id: { $in: moved } }, { $inc: { occurrenceCount: 5_000 } });
    });
    assert.ok(round > 5);
    assert.equal(new Set(ids).size, ids.length);
    const seen = new Set(ids);
    const still = all.filter(({ status }, n) => status === 'new' && n % 40 > round);
    for (const { _id } of still) assert.ok(seen.has(_id.toHexString()), 'one that nothing happened to is listed');
    await groups().bulkWrite(
      before_.map(({ _id, occurrenceCount }) => ({
        updateOne: { filter: { _id }, update: { $set: { occurrenceCount } } },
      })),
    );
  });

  it('finds words by how they begin, in any order and case, and parts of names', async () => {
    const of = async (text: string) => (await listed(`limit=200&text=${encodeURIComponent(text)}`)).length;
    assert.equal(await of('checkout'), expected((each) => hasWord(each, 'checkout')).length);
    assert.equal(await of('renderCheckoutForm'), expected(({ culprit }) => culprit.includes('Checkout')).length);
    assert.equal(
      await of('cart typeerr'),
      expected((each) => each.title === 'TypeError' && hasWord(each, 'cart')).length,
    );
    assert.equal(await of('$35'), expected(({ message }) => /\$35/.test(message)).length);
    assert.equal(await of('eckout'), 0, 'the middle of a word is not looked for');
    assert.equal(await of('.* (a|b)+ [x]'), 0, 'nothing in a text is a pattern');
  });

  it('refuses what it does not know, and a place in another order', async () => {
    const next = pickText((await ask('limit=5')).body, 'next');
    const wrong = [
      'status=open',
      'sort=title',
      'direction=up',
      'limit=0',
      'limit=201',
      'assignee=bob',
      'text=%3F%21',
      `text=${'x'.repeat(201)}`,
      'after=!',
      'after=abc',
      `after=${Buffer.from('errors/lastSeen/descending 1e400 00').toString('base64url')}`,
      `after=${Buffer.from(`errors/lastSeen/descending 9999999999999999 ${'0'.repeat(24)}`).toString('base64url')}`,
      `after=${next}&sort=firstSeen`,
      `after=${next}&direction=ascending`,
      'colour=red',
    ];
    for (const query of wrong) {
      const { status, body } = await ask(query);
      assert.equal(status, 400, query);
      assert.equal(pick(body, 'code'), 'REQUEST_INVALID');
    }
  });

  it("is for the app's members alone", async () => {
    const { token: stranger } = await it_.person([]);
    assert.equal((await ask('', stranger)).status, 404);
    assert.equal((await ask('', app.key)).status, 401);
    const other = await it_.ask(token, 'GET', '/v1/apps/other/errors');
    assert.equal(other.status, 404);
  });
});
