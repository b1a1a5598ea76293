import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { noBrowser } from '../helper/browser.js';
import { type ErrorStory, errorStory, eventually, fields } from '../helper/error-story.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { shopPage } from '../helper/shop-page.js';

type Page = Awaited<ReturnType<typeof shopPage>>;

/** Each step goes on where the one before it ended. */
describe('an error of a page with the unmodified @sentry/browser in a real Chromium', { skip: noBrowser() }, () => {
  let shop: ErrorStory;
  let groupId: string;
  const pages: Page[] = [];
  before(async () => {
    shop = await errorStory('web');
  });
  after(async () => {
    await Promise.all(pages.map((page) => page.close()));
    await shop.system.stop();
  });

  /** Builds a release, uploads its source map, and opens it. */
  async function opened(release: string, customer: string): Promise<Page> {
    const page = await shopPage({ dsn: shop.dsn, release, customer, again: pages.length > 0 });
    pages.push(page);
    const uploaded = await shop.build('POST', `/source-maps?release=${release}&path=~/app.js`, page.map);
    assert.deepEqual(pick(uploaded, 'matches'), [{ release, path: '~/app.js' }]);
    return page;
  }

  /** The newest occurrence of the group, with all that is stored of it. */
  async function newest(): Promise<unknown> {
    const list = await shop.grace('GET', `/errors/${groupId}/occurrences`);
    return shop.grace('GET', `/errors/${groupId}/occurrences/${pickText(list, 'occurrences', 0, 'occurrenceId')}`);
  }

  it('is grouped by its sources, and shows them', async () => {
    const page = await opened('web@3.1.0', 'ada');
    await page.page.click('#pay');
    const listed = await shop.onlyGroup(1);
    groupId = pickText(listed, 'groupId');
    assert.deepEqual(fields(listed, 'title', 'culprit', 'status', 'newestRelease', 'affectedProfiles'), {
      title: 'RangeError',
      culprit: 'totalOf (src/checkout.ts)',
      status: 'new',
      newestRelease: 'web@3.1.0',
      affectedProfiles: 1,
    });
    const occurrence = await newest();
    assert.equal(pick(occurrence, 'pageUrl'), page.url);
    const [crash, caller, listener] = pickList(occurrence, 'exceptions', 0, 'frames');
    assert.deepEqual(fields(crash, 'file', 'function', 'line', 'inApp'), {
      file: 'src/checkout.ts',
      function: 'totalOf',
      line: page.line,
      inApp: true,
    });
    assert.match(pickText(crash, 'context', 'line'), /throw new RangeError/);
    assert.equal(pick(crash, 'minified', 'file'), `${page.url}app.js`);
    assert.notEqual(pick(crash, 'minified', 'function'), 'totalOf', 'it was minified');
    assert.equal(pick(caller, 'function'), 'payNow');
    assert.equal(pick(listener, 'function'), '', 'nobody named it');
  });

  it("leaves what its user said of it, and the release's sessions", async () => {
    const occurrence = await newest();
    const [feedback] = await eventually(
      () => shop.system.db.collection('feedback').find({ text: 'It broke' }).toArray(),
      (found) => found.length > 0,
    );
    assert.equal(feedback?.['errorId'], pick(occurrence, 'errorId'));
    assert.equal(String(feedback?.['profileId']), pick(occurrence, 'profileId'));
    const release = await eventually(
      () => shop.grace('GET', '/releases/web@3.1.0'),
      (answer) => pick(answer, 'sessions', 'errored') === 1,
    );
    // A page lives on after what nobody caught, and so its session has not crashed.
    assert.deepEqual(fields(pick(release, 'sessions'), 'total', 'crashed', 'crashFree'), {
      total: 1,
      crashed: 0,
      crashFree: 1,
    });
    assert.deepEqual(fields(release, 'declaredBy', 'sourceMaps'), { declaredBy: 'upload', sourceMaps: 1 });
  });

  it('is assigned and resolved in a release, and stays so when the old one throws it again', async () => {
    await shop.verb(groupId, 'assign', { assignee: shop.graceId });
    await shop.verb(groupId, 'resolve', { in: 'release', release: 'web@4.0.0' });
    const [old] = pages;
    await old?.page.reload();
    await old?.page.click('#pay');
    const listed = await shop.onlyGroup(2);
    assert.deepEqual(fields(listed, 'status', 'assignee', 'affectedProfiles', 'regressionCount'), {
      status: 'resolved',
      assignee: shop.graceId,
      affectedProfiles: 1,
      regressionCount: 0,
    });
  });

  it('is back when the new build throws it, where its lines and minified names are others', async () => {
    const page = await opened('web@4.0.0', 'bob');
    await page.page.click('#pay');
    assert.deepEqual(fields(await shop.onlyGroup(3), 'status', 'affectedProfiles', 'regressionCount'), {
      status: 'new',
      affectedProfiles: 2,
      regressionCount: 1,
    });
    const group = await shop.grace('GET', `/errors/${groupId}`);
    assert.deepEqual(fields(pick(group, 'regression'), 'release', 'comparedBy'), {
      release: 'web@4.0.0',
      comparedBy: 'semver',
    });
    assert.deepEqual(
      pickList(group, 'releases').map((each) => fields(each, 'name', 'count')),
      [
        { name: 'web@3.1.0', count: 2 },
        { name: 'web@4.0.0', count: 1 },
      ],
    );
    const crash = pick(await newest(), 'exceptions', 0, 'frames', 0);
    assert.deepEqual(fields(crash, 'function', 'line'), { function: 'totalOf', line: page.line });
    assert.notEqual(page.line, pages[0]?.line);
    const activity = pickList(await shop.grace('GET', `/errors/${groupId}/activity`), 'activity');
    assert.deepEqual(
      activity.toReversed().map((each) => pick(each, 'verb')),
      ['assign', 'resolve', 'regressed'],
    );
  });
});
