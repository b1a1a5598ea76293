import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ObjectId } from 'mongodb';
import { appKeyAuth } from '../../api/auth.js';
import { firstRun } from '../../api/first-owner.js';
import { hashSecret } from '../../api/secrets.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';
import { secretsTold } from '../helper/secrets.js';

const script = join(import.meta.dirname, '..', '..', 'dist', 'api', 'first-run.js');
const exec = promisify(execFile);

describe('the first run', () => {
  let it_: Management;
  before(async () => {
    it_ = await management('firstrun');
  });
  after(() => it_.close());

  async function run(secretKey = 'a secret of at least 32 characters'): Promise<unknown> {
    const url = new URL(process.env['MONGODB_URL'] ?? '');
    url.pathname = `/${it_.db.databaseName}`;
    const env = { ...process.env, MONGODB_URL: url.href, SECRET_KEY: secretKey };
    const { stdout } = await exec(process.execPath, [script], { env });
    assert.equal(stdout.trimEnd().split('\n').length, 1, stdout);
    return JSON.parse(stdout);
  }
  const count = async (collection: string) => it_.db.collection(collection).countDocuments();
  let first: unknown;

  it('makes an owner and a demo app, also when three start at once', async () => {
    const membersBefore = await count('members');
    const runs = await Promise.all([run(), run(), run()]);
    [first] = runs;
    for (const each of runs) assert.deepEqual(each, first);
    assert.equal(await count('members'), membersBefore + 1);
    assert.equal(await count('app_registrations'), 1);
    assert.equal(await count('app_keys'), 2);
  });

  it('gives the owner an id that nobody knows beforehand', async () => {
    const mine = await it_.db.collection('members').find({ firstOwner: true }).toArray();
    assert.equal(mine.length, 1);
    assert.ok(mine[0] !== undefined && !/^0{20}/.test(mine[0]._id.toHexString()));
    assert.equal(
      pick((await it_.ask(pickText(first, 'ownerToken'), 'GET', '/v1/me')).body, 'memberId'),
      mine[0]._id.toHexString(),
    );
  });

  it('gives a token that owns the instance, and keys that work', async () => {
    const me = await it_.ask(pickText(first, 'ownerToken'), 'GET', '/v1/me');
    assert.equal(pick(me.body, 'name'), 'Owner');
    assert.equal(pick(me.body, 'owner'), true);
    const auth = appKeyAuth({ ...it_, secrets: secretsTold() });
    for (const [field, kind] of [
      ['apiKey', 'client'],
      ['serverKey', 'server'],
    ] as const) {
      const sender = await auth.authenticateKey(pickText(first, 'demo', field), undefined);
      assert.equal(sender.kind, kind);
      assert.equal(sender.app.appId, 'demo');
      assert.equal(sender.app.dsnId, pick(first, 'demo', 'dsnId'));
    }
    const demo = await it_.db.collection('app_registrations').findOne({ appId: 'demo' });
    assert.equal(demo?.['apiKey'], hashSecret(pickText(first, 'demo', 'apiKey')));
  });

  it('says the same at the next start, changes nothing and tells the audit log nothing', async () => {
    const entries = await count('audit_log');
    assert.deepEqual(await run(), first);
    assert.equal(await count('audit_log'), entries);
    assert.equal(await count('app_keys'), 2);
  });

  it('does not bring back what was revoked', async () => {
    const ownerToken = pickText(first, 'ownerToken');
    const me = await it_.ask(ownerToken, 'GET', '/v1/me');
    const { key } = (await it_.appKeys.findWithApp(hashSecret(pickText(first, 'demo', 'apiKey')))) ?? {};
    await it_.ask(ownerToken, 'DELETE', `/v1/apps/demo/keys/${String(key?._id.toHexString())}`);
    await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${pickText(me.body, 'memberId')}`);
    await run();
    assert.equal((await it_.ask(ownerToken, 'GET', '/v1/me')).status, 401);
    const again = await it_.appKeys.findWithApp(hashSecret(pickText(first, 'demo', 'apiKey')));
    assert.ok(again?.key.revokedAt instanceof Date);
  });

  it('gives other secrets to an instance with another secret, and the same owner', async () => {
    const members = await count('members');
    const other = await run('another secret of 32 characters or more');
    for (const path of [['ownerToken'], ['demo', 'apiKey'], ['demo', 'serverKey']]) {
      assert.notEqual(pickText(other, ...path), pickText(first, ...path));
    }
    await appKeyAuth({ ...it_, secrets: secretsTold() }).authenticateKey(pickText(other, 'demo', 'apiKey'), undefined);
    assert.equal(await count('members'), members);
  });
});

describe('the first owner', () => {
  let it_: Management;
  before(async () => {
    it_ = await management('firstowner');
  });
  after(() => it_.close());
  const secretKey = 'a secret of at least 32 characters';

  it('is one, however many starts there are at once, whatever their secrets', async () => {
    await Promise.all(Array.from({ length: 6 }, (_, index) => firstRun(it_, secretKey + String(index % 2))));
    assert.equal(await it_.db.collection('members').countDocuments({ firstOwner: true }), 1);
    const added = await it_.audit.page({ action: 'member.added' }, 10);
    assert.equal(added.length, 1);
    const owners = await it_.db.collection('member_tokens').distinct('memberId', { name: 'First token' });
    assert.deepEqual(owners.map(String), [String(added[0]?.target.id)]);
  });

  it('of an instance from before stays the one they are, revoked or not', async () => {
    const collection = it_.db.collection('members');
    await collection.deleteMany({ firstOwner: true });
    await it_.db.collection('member_tokens').deleteMany({ name: 'First token' });
    const _id = ObjectId.createFromHexString('000000000000000000000001');
    const role = { name: 'Owner', email: null, owner: true, roles: [], createdAt: new Date() };
    await collection.insertOne({ _id, ...role, revokedAt: null });
    const members = await collection.countDocuments();
    const { ownerToken } = await firstRun(it_, secretKey);
    assert.equal(pick((await it_.ask(ownerToken, 'GET', '/v1/me')).body, 'memberId'), _id.toHexString());
    await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${_id.toHexString()}`);
    await firstRun(it_, secretKey);
    assert.equal((await it_.ask(ownerToken, 'GET', '/v1/me')).status, 401);
    assert.equal(await collection.countDocuments(), members);
  });
});
