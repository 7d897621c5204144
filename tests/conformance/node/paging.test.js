// The SDK's iterators, in both directions, also while objects go away.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Server } from './server.js';

const scope = { type: 'account' };
const OLDEST_FIRST = Array.from({ length: 10 }, (_, number) => `name ${number}`);
const NEWEST_FIRST = OLDEST_FIRST.toReversed();

let server, secrets, ids;
before(async () => (server = await Server.start()));
after(() => server?.stop());
beforeEach(async () => {
  secrets = (await server.app()).client().apps.secrets;
  ids = {};
  for (const name of OLDEST_FIRST) {
    ids[name] = (await secrets.create({ name, payload: `payload of ${name}`, scope })).id;
  }
});

const list = (more) => secrets.list({ scope, limit: 3, ...more });
const remove = (name) => secrets.deleteWhere({ name, scope });

/** What `for await` meets; `each` is called in the midst of it. */
async function iterate(pages, each = () => {}) {
  const names = [];
  for await (const secret of pages) {
    names.push(secret.name);
    await each(secret.name);
  }
  return names;
}

for (const limit of [1, 3, 5, 9, 10, 100]) {
  test(`forward with a limit of ${limit}`, async () => {
    const page = await list({ limit });
    assert.equal(page.data.length, Math.min(limit, 10));
    assert.equal(page.has_more, limit < 10);
    assert.equal(page.url, '/v1/apps/secrets');
    assert.deepEqual(await iterate(list({ limit })), NEWEST_FIRST);
  });
}

test('backward: the page before the oldest has what is next newer', async () => {
  const page = await list({ ending_before: ids['name 0'] });
  assert.deepEqual(page.data.map((secret) => secret.name), ['name 3', 'name 2', 'name 1']);
  assert.equal(page.has_more, true);
  const names = await iterate(list({ ending_before: ids['name 0'] }));
  assert.deepEqual(names, OLDEST_FIRST.slice(1));
});

test('from the middle', async () => {
  const older = await iterate(list({ starting_after: ids['name 5'] }));
  assert.deepEqual(older, NEWEST_FIRST.slice(5));
  const newer = await iterate(list({ ending_before: ids['name 5'] }));
  assert.deepEqual(newer, OLDEST_FIRST.slice(6));
});

test('every page is expanded', async () => {
  const all = await list({ expand: ['data.payload'] }).autoPagingToArray({ limit: 100 });
  const expected = NEWEST_FIRST.map((name) => `payload of ${name}`);
  assert.deepEqual(all.map((secret) => secret.payload), expected);
});

test('autoPagingEach may stop early', async () => {
  const names = [];
  await list().autoPagingEach((secret) => {
    names.push(secret.name);
    return names.length < 4;
  });
  assert.deepEqual(names, NEWEST_FIRST.slice(0, 4));
});

test('forward while everything is deleted: the next cursor is gone each time', async () => {
  assert.deepEqual(await iterate(list(), remove), NEWEST_FIRST);
  assert.deepEqual((await list()).data, []);
});

test('backward while everything is deleted', async () => {
  const pages = list({ ending_before: ids['name 0'] });
  assert.deepEqual(await iterate(pages, remove), OLDEST_FIRST.slice(1));
  assert.deepEqual((await list()).data.map((secret) => secret.name), ['name 0']);
});

test('a cursor that was never there is refused', async () => {
  for (const param of ['starting_after', 'ending_before']) {
    const expected = { statusCode: 400, code: 'resource_missing', param };
    await assert.rejects(list({ [param]: 'appsecret_unknown' }), expected);
  }
});
