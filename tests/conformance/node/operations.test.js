// The four calls: what each does, and what it answers.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import Stripe from 'stripe';
import { Server } from './server.js';

const scope = { type: 'account' };
const user = (name) => ({ type: 'user', user: name });
const now = () => Math.floor(Date.now() / 1000);

let server, app, secrets;
before(async () => (server = await Server.start()));
after(() => server?.stop());
beforeEach(async () => {
  app = await server.app();
  secrets = app.client().apps.secrets;
});

const create = (more) => secrets.create({ name: 'token', payload: 'value', scope, ...more });
const find = (more) => secrets.find({ name: 'token', scope, expand: ['payload'], ...more });
const names = async (where = scope) =>
  (await secrets.list({ scope: where })).data.map((secret) => secret.name);

test('create shows a secret without its payload', async () => {
  const start = now();
  const { id, created, ...rest } = await create();
  assert.match(id, /^appsecret_[A-Za-z0-9]{30}$/);
  assert.ok(start <= created && created <= now());
  const expected = { object: 'apps.secret', expires_at: null, livemode: false, name: 'token' };
  assert.deepEqual(rest, { ...expected, scope });
});

test('create, find and list show the payload if it is expanded', async () => {
  assert.equal((await create({ expand: ['payload'] })).payload, 'value');
  assert.equal((await find()).payload, 'value');
  assert.ok(!('payload' in (await secrets.find({ name: 'token', scope }))));
  const listed = await secrets.list({ scope, expand: ['data.payload'] });
  assert.deepEqual(listed.data.map((secret) => secret.payload), ['value']);
  assert.ok(!('payload' in (await secrets.list({ scope })).data[0]));
});

test('create again replaces and keeps id and time', async () => {
  const first = await create({ expires_at: now() + 3600 });
  await create({ name: 'later' });
  const second = await create({ payload: 'other' });
  assert.deepEqual([second.id, second.created], [first.id, first.created]);
  assert.ok(first.expires_at > now());
  assert.equal(second.expires_at, null);
  assert.equal((await find()).payload, 'other');
  assert.deepEqual(await names(), ['later', 'token']);
});

test('deleteWhere deletes one and shows three fields', async () => {
  await create({ name: 'kept' });
  const { id } = await create();
  const deleted = await secrets.deleteWhere({ name: 'token', scope });
  assert.deepEqual({ ...deleted }, { id, object: 'apps.secret', deleted: true });
  assert.deepEqual(await names(), ['kept']);
  assert.notEqual((await create()).id, id);
});

test('each user and the account have scopes of their own', async () => {
  const scopes = [scope, user('usr_1'), user('usr_2')];
  for (const [number, where] of scopes.entries()) {
    const created = await create({ scope: where, payload: `value ${number}` });
    assert.deepEqual(created.scope, where);
  }
  const found = await Promise.all(scopes.map((where) => find({ scope: where })));
  assert.deepEqual(found.map((secret) => secret.payload), ['value 0', 'value 1', 'value 2']);
  await secrets.deleteWhere({ name: 'token', scope: scopes[1] });
  assert.deepEqual(await Promise.all(scopes.map(names)), [['token'], [], ['token']]);
});

test('the live key sees live mode only', async () => {
  const live = server.client(await app.key({ mode: 'live' })).apps.secrets;
  const created = await live.create({ name: 'token', payload: 'live', scope });
  assert.equal(created.livemode, true);
  assert.deepEqual(await names(), []);
  assert.equal((await create()).livemode, false);
  const found = await live.find({ name: 'token', scope, expand: ['payload'] });
  assert.equal(found.payload, 'live');
});

test('the first keys work in their modes', async () => {
  for (const [key, livemode] of [['test_key', false], ['live_key', true]]) {
    const first = server.client(server.founded[key]).apps.secrets;
    const created = await first.create({ name: 'first', payload: 'value', scope });
    assert.equal(created.livemode, livemode);
  }
});

test('lastResponse has what the headers say', async () => {
  const account = await app.install();
  const options = { stripeAccount: account, idempotencyKey: 'a key' };
  const params = { name: 'token', payload: 'value', scope };
  const { lastResponse } = await secrets.create(params, options);
  assert.equal(lastResponse.statusCode, 200);
  assert.match(lastResponse.requestId, /^req_[A-Za-z0-9]{14}$/);
  assert.equal(lastResponse.apiVersion, Stripe.API_VERSION);
  assert.equal(lastResponse.stripeAccount, account);
  assert.equal(lastResponse.idempotencyKey, 'a key');
  const found = await secrets.find({ name: 'token', scope }, { stripeAccount: account });
  assert.match(found.lastResponse.requestId, /^req_[A-Za-z0-9]{14}$/);
  assert.notEqual(found.lastResponse.requestId, lastResponse.requestId);
  assert.equal(found.lastResponse.idempotencyKey, undefined);
});

test('another version of the API is sent back', async () => {
  const older = app.client({ apiVersion: '2024-06-20' });
  const { lastResponse } = await older.apps.secrets.list({ scope });
  assert.equal(lastResponse.apiVersion, '2024-06-20');
});

test('a client that uses fetch works as well', async () => {
  const httpClient = Stripe.createFetchHttpClient();
  const fetching = app.client({ httpClient }).apps.secrets;
  const created = await fetching.create({ name: 'token', payload: 'value', scope });
  assert.equal((await find()).id, created.id);
  const error = await fetching.find({ name: 'other', scope }).catch((thrown) => thrown);
  assert.equal(error.statusCode, 404);
});
