// App installs: every call of the SDK, by those who may make it.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import Stripe from 'stripe';
import { Server } from './server.js';

const { StripePermissionError, StripeInvalidRequestError } = Stripe.errors;
const secret = { name: 'token', payload: 'value', scope: { type: 'account' } };

let server, app, installs;
before(async () => (server = await Server.start()));
after(() => server?.stop());
beforeEach(async () => {
  app = await server.app();
  installs = app.client().apps.installs;
});

const set = (of, params) => server.admin(`/v1/admin/apps/${of.id}`, params);

test('an account and its own app', async () => {
  const made = await installs.create({ app: app.id, channel: 'private_test' });
  assert.equal(made.object, 'apps.install');
  assert.deepEqual([made.account, made.app, made.status], [app.account, app.id, 'installed']);
  assert.equal(made.auth_code, null);
  assert.equal((await installs.retrieve(made.id)).id, made.id);
  assert.equal((await installs.update(made.id)).id, made.id);
  assert.deepEqual((await installs.list()).data.map(({ id }) => id), [made.id]);
  assert.equal((await installs.uninstall(made.id)).status, 'uninstalling');
  await assert.rejects(installs.retrieve(made.id), (error) => {
    assert.ok(error instanceof StripeInvalidRequestError);
    return error.statusCode === 404 && error.code === 'resource_missing';
  });
  await assert.rejects(installs.create({ app: app.id }), { param: 'channel' });
});

test('an app on somebody\'s account', async () => {
  const { id: stripeAccount } = await server.admin('/v1/admin/accounts', {});
  const refused = (error) => error instanceof StripePermissionError;
  await assert.rejects(installs.create({ app: app.id }, { stripeAccount }), refused);
  await set(app, { self_install: true });
  const made = await installs.create({ app: app.id }, { stripeAccount });
  const { secrets } = app.client().apps;
  await secrets.create(secret, { stripeAccount });
  await installs.uninstall(made.id, {}, { stripeAccount });
  await assert.rejects(secrets.create(secret, { stripeAccount }), { code: 'account_invalid' });
  const again = await installs.create({ app: app.id }, { stripeAccount });
  assert.notEqual(again.id, made.id);
  const events = await app.client().events.list({ type: 'apps.install.*' }, { stripeAccount });
  assert.deepEqual(events.data.map(({ type }) => type.split('.').pop()), [
    'created', 'deleted', 'created',
  ]);
  assert.equal(events.data[0].account, stripeAccount);
});

test('an app pages through its installs', async () => {
  const accounts = [];
  for (let number = 0; number < 5; number += 1) accounts.unshift(await app.install());
  const seen = [];
  for await (const { account } of installs.list({ app: app.id, limit: 2 })) seen.push(account);
  assert.deepEqual(seen, accounts);
});

test('a platform embeds an app', async () => {
  const platform = await server.app();
  await set(app, { embedders: [platform.account], permissions: ['secret_write'] });
  const stripeAccount = await platform.install();
  const theirs = platform.client().apps.installs;
  const made = await theirs.create({ app: app.id }, { stripeAccount });
  assert.equal(made.created_by, platform.account);
  await set(app, { permissions: ['secret_write', 'event_read'] });
  const waiting = await theirs.retrieve(made.id, {}, { stripeAccount });
  assert.deepEqual(waiting.permissions_pending, ['event_read']);
  const granted = await theirs.update(made.id, {}, { stripeAccount });
  assert.deepEqual(granted.permissions_granted, ['secret_write', 'event_read']);
});

test('a raw request in an older version', async () => {
  const old = app.client({ apiVersion: '2025-12-15.clover' });
  const params = { app: app.id, channel: 'private_test' };
  const made = await old.rawRequest('POST', '/v1/apps/installs', params);
  assert.equal(made.object, 'apps.install');
});

test('accounts, and what is not served', async () => {
  const account = await app.install();
  const stripe = app.client();
  assert.equal((await stripe.accounts.retrieve(account)).business_profile.name, 'Merchant');
  const own = await stripe.rawRequest('GET', '/v1/account');
  assert.equal(own.id, app.account);
  await assert.rejects(stripe.accounts.retrieve('acct_nobody'), { code: 'account_invalid' });
  await assert.rejects(stripe.customers.list(), /Stripe's API has this/);
});
