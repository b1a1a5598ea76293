import assert from 'node:assert/strict';
import { afterEach, before, after, describe, it } from 'node:test';
import { alertActivities, DELIVERIES_AN_HOUR } from '../../activities/alerts.js';
import { alerting, type Alerting } from '../helper/alerting.js';

describe('opening alerts', () => {
  let it_: Alerting;
  before(async () => {
    it_ = await alerting('alerts');
  });
  after(() => it_.close());
  afterEach(async () => {
    it_.woken.length = 0;
    for (const name of ['alerts', 'alert_deliveries', 'alert_channels', 'error_groups']) {
      await it_.db.collection(name).deleteMany({});
    }
  });
  const states = async () => (await it_.alerts.find().toArray()).map(({ state }) => state);
  const URL_ = 'https://hooks.example.com/';

  it('is one delivery for each channel of the app that wants the cause, and only once', async () => {
    const all = await it_.webhook(URL_);
    const some = await it_.webhook(URL_, { causes: ['regression'] });
    await it_.webhook(URL_, { enabled: false });
    const group = await it_.group();
    await it_.alert(group, 'new_group');
    await it_.alert(group, 'regression');

    const first = await it_.activities.openAlerts();
    assert.equal(first.deliveries.length, 3);
    assert.equal(first.alertIds.length, 2);
    assert.equal(first.more, false);
    assert.deepEqual(await states(), ['new', 'new'], 'told only once their deliveries have begun');

    const again = await it_.activities.openAlerts();
    assert.deepEqual(again, first, 'after a death in between the same are begun again');
    assert.equal(await it_.deliveries.countDocuments(), 3);
    assert.equal(await it_.deliveries.countDocuments({ channelId: all.channel._id }), 2);
    assert.equal(await it_.deliveries.countDocuments({ channelId: some.channel._id }), 1);

    await it_.activities.closeAlerts({ alertIds: first.alertIds });
    assert.deepEqual(await states(), ['told', 'told']);
    assert.deepEqual(await it_.activities.openAlerts(), { alertIds: [], deliveries: [], more: false });
  });

  it('is no matter of other apps', async () => {
    const other = await it_.register('other');
    await it_.webhook(URL_);
    await it_.alert(await it_.group({ appId: other.id }));
    assert.deepEqual((await it_.activities.openAlerts()).deliveries, []);
    assert.deepEqual(await states(), ['told'], 'nobody wants to know');
  });

  it('wakes the groups whose status changed without their workflow', async () => {
    const [regressed, ended, fresh] = [await it_.group(), await it_.group(), await it_.group()];
    await it_.alert(regressed, 'regression');
    await it_.alert(ended, 'snooze_ended');
    await it_.alert(fresh, 'new_group');
    await it_.activities.openAlerts();
    assert.deepEqual(it_.woken.sort(), [regressed, ended].map(({ _id }) => _id.toHexString()).sort());
  });

  it('of a group that cannot be woken waits, and of the others does not', async () => {
    await it_.webhook(URL_);
    const [broken, other] = [await it_.group(), await it_.group()];
    const stuck = await it_.alert(broken, 'regression');
    const told = [await it_.alert(other, 'regression'), await it_.alert(other, 'new_group')];
    const wakeGroup = async (id: string): Promise<void> => {
      if (id === broken._id.toHexString()) throw new Error('too many signals');
      await it_.deps.wakeGroup(id);
    };
    const { openAlerts } = alertActivities({ ...it_.deps, wakeGroup });
    const opened = await openAlerts();
    assert.deepEqual([...opened.alertIds].sort(), told.map(({ _id }) => _id).sort());
    assert.deepEqual(it_.woken, [other._id.toHexString()]);
    await it_.activities.closeAlerts(opened);
    assert.deepEqual(await openAlerts(), { alertIds: [], deliveries: [], more: false }, 'nothing to do at once');

    assert.deepEqual((await it_.activities.openAlerts()).alertIds, [stuck._id], 'and later it is woken after all');
  });

  it('passes thousands that no channel wants in one go', async () => {
    const group = await it_.group();
    const at = new Date();
    const rest = { appId: it_.app.id, groupId: group._id, cause: 'new_group', at, facts: {}, state: 'new' } as const;
    await it_.alerts.insertMany(
      Array.from({ length: 3_000 }, (_, n) => ({ _id: `x/new_group/${String(n)}`, ...rest })),
    );
    assert.deepEqual(await it_.activities.openAlerts(), { alertIds: [], deliveries: [], more: false });
    assert.equal(await it_.alerts.countDocuments({ state: 'told' }), 3_000);
  });

  it('lets no channel have more in an hour than somebody reads; the rest stands in the log', async () => {
    const { channel } = await it_.webhook(URL_);
    const group = await it_.group();
    const most = DELIVERIES_AN_HOUR;
    for (let n = 0; n < most + 30; n++) await it_.alert(group);
    const begun = new Set<string>();
    for (let more = true; more;) {
      const opened = await it_.activities.openAlerts();
      for (const { id } of opened.deliveries) begun.add(id);
      await it_.activities.closeAlerts(opened);
      more = opened.more;
    }
    assert.equal(begun.size, most);
    assert.equal(await it_.deliveries.countDocuments({ channelId: channel._id, state: 'suppressed' }), 30);
    assert.equal(await it_.alerts.countDocuments({ state: 'new' }), 0);

    await it_.alert(group, 'regression');
    const regression = await it_.activities.openAlerts();
    assert.equal(regression.deliveries.length, 1, 'what is back is not hidden by what is new');
    await it_.activities.closeAlerts(regression);

    it_.clock.ahead = 3_700_000;
    await it_.alert(group);
    assert.equal((await it_.activities.openAlerts()).deliveries.length, 1, 'the next hour has room again');
    it_.clock.ahead = 0;
  });
});
