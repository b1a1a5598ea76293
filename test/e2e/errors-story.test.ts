import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { errorGroupId } from '../../workflows/error-group.js';
import { type ErrorStory, errorStory, eventually, fields } from '../helper/error-story.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { receiver, type Receiver } from '../helper/receiver.js';
import { shopServer, type ShopServer } from '../helper/shop-server.js';

/** Each step goes on where the one before it ended. */
describe('an error of a server with the unmodified @sentry/node', () => {
  let shop: ErrorStory;
  let server: ShopServer;
  let hook: Receiver;
  let secret: string;
  let groupId: string;
  before(async () => {
    shop = await errorStory('shop');
    server = shopServer(shop.dsn);
    hook = await receiver();
    const channel = { kind: 'webhook', name: 'Chat', url: hook.url, causes: ['new_group', 'regression'] };
    secret = pickText(await shop.owner('POST', '/alert-channels', channel), 'secret');
  });
  after(async () => {
    server.remove();
    await hook.close();
    await shop.system.stop();
  });

  const group = () => shop.grace('GET', `/errors/${groupId}`);
  const verb = (name: string, body: object) => shop.verb(groupId, name, body);
  const dies = async (release: string, customer: string) => {
    const { code, said } = await server.visit(release, { customer });
    assert.equal(code, 1, said);
    assert.match(said, /^RangeError: order \d+ has no card$/m, 'it dies of what it would die of without the SDK');
  };
  const lives = async (release: string, customer: string) => {
    assert.deepEqual(await server.visit(release, { customer, card: '4242' }), { code: 0, said: '' });
  };

  it('is thrown in two processes and is one group, which says why', async () => {
    await Promise.all([dies('1.0.0', 'ada'), dies('1.0.0', 'bob'), lives('1.0.0', 'eve')]);
    const listed = await shop.onlyGroup(2);
    groupId = pickText(listed, 'groupId');
    assert.deepEqual(fields(listed, 'title', 'culprit', 'status', 'severity', 'affectedProfiles', 'assignee'), {
      title: 'RangeError',
      culprit: 'charge (shop)',
      status: 'new',
      severity: 'fatal',
      affectedProfiles: 2,
      assignee: null,
    });
    const grouping = pick(await group(), 'grouping');
    assert.deepEqual(fields(grouping, 'version', 'by', 'components'), {
      version: 1,
      by: 'stack',
      components: ['RangeError', 'charge (shop)', 'checkout (shop)', '(shop)'],
    });
    assert.match(pickText(grouping, 'explanation'), /type and the app's own calls/);
  });

  it('is assigned, commented and resolved in the next release', async () => {
    const assigned = await verb('assign', { assignee: shop.graceId });
    assert.deepEqual(fields(pick(assigned, 'group'), 'assignee', 'status'), { assignee: shop.graceId, status: 'new' });
    await verb('comment', { text: 'A card is asked for now.' });
    const resolved = await verb('resolve', { in: 'release', release: '2.0.0' });
    assert.equal(pick(resolved, 'group', 'status'), 'resolved');
    assert.deepEqual(fields(pick(resolved, 'group', 'resolution'), 'kind', 'release', 'by'), {
      kind: 'release',
      release: '2.0.0',
      by: shop.graceId,
    });
  });

  it('stays resolved when the old release throws it again, which is counted', async () => {
    await dies('1.0.0', 'dan');
    const listed = await shop.onlyGroup(3);
    assert.deepEqual(fields(listed, 'status', 'affectedProfiles', 'regressionCount', 'newestRelease'), {
      status: 'resolved',
      affectedProfiles: 3,
      regressionCount: 0,
      newestRelease: '1.0.0',
    });
  });

  it('is back when the release throws it that was to be without it, and says how the two were compared', async () => {
    const deployed = await shop.build('POST', '/releases', { version: '2.0.0', environment: 'production' });
    assert.equal(pick(deployed, 'declaredBy'), 'deploy');
    await lives('2.0.0', 'eve');
    await dies('2.0.0', 'ada');
    await shop.onlyGroup(4);
    const back = await group();
    assert.deepEqual(
      fields(back, 'status', 'assignee', 'occurrenceCount', 'affectedProfiles', 'regressionCount', 'resolution'),
      {
        status: 'new',
        assignee: shop.graceId,
        occurrenceCount: 4,
        affectedProfiles: 3,
        regressionCount: 1,
        resolution: null,
      },
    );
    assert.deepEqual(fields(pick(back, 'regression'), 'release', 'comparedBy'), {
      release: '2.0.0',
      comparedBy: 'semver',
    });
    assert.deepEqual(
      pickList(back, 'releases').map((each) => fields(each, 'name', 'count')),
      [
        { name: '1.0.0', count: 3 },
        { name: '2.0.0', count: 1 },
      ],
    );
    assert.deepEqual(
      pickList(back, 'environments').map((each) => fields(each, 'name', 'count')),
      [{ name: 'production', count: 4 }],
    );
  });

  it('is told to a webhook when it is new and when it is back, signed', async () => {
    await hook.until(2);
    const verified = (body: string, headers: object): unknown =>
      new Webhook(secret).verify(body, headers as Record<string, string>);
    const told = hook.received
      .map(({ body, headers }) => verified(body, headers))
      .sort((a, b) => pickText(a, 'timestamp').localeCompare(pickText(b, 'timestamp')));
    assert.deepEqual(
      told.map((message) => [pick(message, 'type'), pick(message, 'data', 'group', 'id')]),
      [
        ['error.new_group', groupId],
        ['error.regression', groupId],
      ],
    );
    assert.deepEqual(fields(pick(told[1], 'data', 'facts'), 'release', 'fixedIn', 'comparedBy'), {
      release: '2.0.0',
      fixedIn: '2.0.0',
      comparedBy: 'semver',
    });
    for (const { body, headers } of hook.received) assert.throws(() => verified(body.replace('error.', 'e.'), headers));
    const log = await eventually(
      () => shop.grace('GET', '/alert-deliveries'),
      (answer) => pickList(answer, 'deliveries').every((each) => pick(each, 'state') === 'delivered'),
    );
    assert.deepEqual(
      pickList(log, 'deliveries')
        .map((each) => fields(each, 'cause', 'groupId', 'attemptCount'))
        .sort((a, b) => String(a['cause']).localeCompare(String(b['cause']))),
      [
        { cause: 'new_group', groupId, attemptCount: 1 },
        { cause: 'regression', groupId, attemptCount: 1 },
      ],
    );
  });

  it('shows all that happened, in order and by whom', async () => {
    const { graceId } = shop;
    const activity = pickList(await shop.grace('GET', `/errors/${groupId}/activity`), 'activity').toReversed();
    assert.deepEqual(
      activity.map((each) => [pick(each, 'verb'), pick(each, 'actor')]),
      [
        ['assign', graceId],
        ['comment', graceId],
        ['resolve', graceId],
        ['regressed', null],
      ],
    );
    const [assigned, commented, resolved, regressed] = activity.map((each) => pick(each, 'facts'));
    assert.deepEqual(fields(assigned, 'from', 'to'), { from: null, to: graceId });
    assert.deepEqual(commented, { text: 'A card is asked for now.' });
    assert.deepEqual(resolved, { from: 'new', to: 'resolved', kind: 'release', release: '2.0.0' });
    assert.deepEqual(fields(regressed, 'release', 'comparedBy'), { release: '2.0.0', comparedBy: 'semver' });
    const times = activity.map((each) => pickText(each, 'at'));
    assert.deepEqual(times, times.toSorted());
  });

  it('shows each occurrence with its calls and their source, and what they have in common', async () => {
    const list = pickList(await shop.grace('GET', `/errors/${groupId}/occurrences`), 'occurrences');
    assert.deepEqual(
      list.map((each) => pick(each, 'release')),
      ['2.0.0', '1.0.0', '1.0.0', '1.0.0'],
    );
    const newest = await shop.grace('GET', `/errors/${groupId}/occurrences/${pickText(list[0], 'occurrenceId')}`);
    assert.deepEqual(fields(newest, 'severity', 'environment', 'flags', 'newer'), {
      severity: 'fatal',
      environment: 'production',
      flags: { 'new-checkout': 'true' },
      newer: null,
    });
    const [thrown] = pickList(newest, 'exceptions');
    assert.deepEqual(fields(thrown, 'type', 'handled'), { type: 'RangeError', handled: false });
    const [crash, caller] = pickList(thrown, 'frames');
    assert.deepEqual(fields(crash, 'function', 'inApp'), { function: 'charge', inApp: true });
    assert.match(pickText(crash, 'file'), /2\.0\.0\/shop\.mjs$/);
    assert.match(pickText(crash, 'context', 'line'), /throw new RangeError/);
    assert.equal(pick(caller, 'function'), 'checkout');

    const tags = pickList(await shop.grace('GET', `/errors/${groupId}/tags`), 'distributions');
    const valuesOf = (source: string, name: string) =>
      pick(
        tags.find((each) => pick(each, 'source') === source && pick(each, 'name') === name),
        'values',
      );
    assert.deepEqual(valuesOf('tag', 'tenant'), [{ value: 'acme', count: 4 }]);
    assert.deepEqual(valuesOf('flag', 'new-checkout'), [{ value: 'true', count: 4 }]);
    assert.deepEqual(valuesOf('field', 'release'), [
      { value: '1.0.0', count: 3 },
      { value: '2.0.0', count: 1 },
    ]);
  });

  it("leaves each release with its crash-free rate, by the SDK's own sessions", async () => {
    const rates = async (version: string, sessions: number) => {
      const release = await eventually(
        () => shop.grace('GET', `/releases/${version}`),
        (answer) => pick(answer, 'sessions', 'total') === sessions,
      );
      const of = (what: string) => fields(pick(release, what), 'total', 'crashed', 'crashFree');
      return { sessions: of('sessions'), profiles: of('profiles') };
    };
    const three = { total: 4, crashed: 3, crashFree: 0.25 };
    assert.deepEqual(await rates('1.0.0', 4), { sessions: three, profiles: three });
    const half = { total: 2, crashed: 1, crashFree: 0.5 };
    assert.deepEqual(await rates('2.0.0', 2), { sessions: half, profiles: half });
  });

  it("is seen by ops: the group's workflow runs, and shows what it knows", async () => {
    const handle = shop.system.temporal.workflow.getHandle(errorGroupId(groupId));
    const run = await eventually(
      () => handle.describe(),
      ({ typedSearchAttributes }) =>
        typedSearchAttributes.getAll().some(({ key, value }) => key.name === 'ExpStatus' && value === 'new'),
    );
    assert.equal(run.status.name, 'RUNNING');
    const attributes = new Map(run.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    assert.equal(attributes.get('ExpKind'), 'error-group');
    assert.deepEqual(attributes.get('ExpApps'), ['shop']);
    assert.equal(await run.staticSummary(), 'What people and time do to one error group');
    const shown: unknown = await handle.query('__temporal_workflow_metadata');
    assert.match(pickText(shown, 'currentDetails'), /^A group of shop: \*\*new\*\*/);
  });
});
