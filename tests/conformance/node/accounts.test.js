// Whom a key speaks for: accounts and users.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import Stripe from 'stripe';
import { Server } from './server.js';

const scope = { type: 'account' };
const SECRET = { name: 'token', payload: 'value', scope };
const FIND = { name: 'token', scope, expand: ['payload'] };
const { StripePermissionError } = Stripe.errors;

let server, app, secrets;
before(async () => (server = await Server.start()));
after(() => server?.stop());
beforeEach(async () => {
  app = await server.app();
  secrets = app.client().apps.secrets;
});

async function denied(promise) {
  const error = await promise.then(() => assert.fail('it went well'), (thrown) => thrown);
  assert.ok(error instanceof StripePermissionError, error);
  assert.equal(error.statusCode, 403);
  return error;
}

test('each account has its own secrets', async () => {
  const accounts = [app.account, await app.install(), await app.install()];
  for (const stripeAccount of accounts) {
    await secrets.create({ ...SECRET, payload: `of ${stripeAccount}` }, { stripeAccount });
  }
  for (const stripeAccount of accounts) {
    const found = await secrets.find(FIND, { stripeAccount });
    assert.equal(found.payload, `of ${stripeAccount}`);
    assert.equal(found.lastResponse.stripeAccount, stripeAccount);
  }
  const own = await secrets.find(FIND);
  assert.equal(own.payload, `of ${app.account}`);
  assert.equal(own.lastResponse.stripeAccount, undefined);
  await secrets.deleteWhere({ name: 'token', scope }, { stripeAccount: accounts[1] });
  assert.equal((await secrets.find(FIND, { stripeAccount: accounts[2] })).name, 'token');
});

test('paging stays on the account', async () => {
  const stripeAccount = await app.install();
  for (const name of ['1', '2', '3', '4', '5']) {
    await secrets.create({ ...SECRET, name }, { stripeAccount });
    await secrets.create({ ...SECRET, name: `own ${name}` });
  }
  const names = [];
  for await (const secret of secrets.list({ scope, limit: 2 }, { stripeAccount })) {
    names.push(secret.name);
  }
  assert.deepEqual(names, ['5', '4', '3', '2', '1']);
});

test('without an install there is no account', async () => {
  const foreign = await (await server.app()).install();
  for (const stripeAccount of [foreign, 'acct_nobody']) {
    const calls = [
      () => secrets.create(SECRET, { stripeAccount }),
      () => secrets.find(FIND, { stripeAccount }),
      () => secrets.list({ scope }, { stripeAccount }),
      () => secrets.deleteWhere({ name: 'token', scope }, { stripeAccount }),
    ];
    for (const call of calls) {
      assert.equal((await denied(call())).code, 'account_invalid');
    }
  }
});

test('apps do not see each other', async () => {
  const other = await server.app();
  const stripeAccount = await app.install();
  await server.admin('/v1/admin/installs', { app: other.id, account: stripeAccount });
  await secrets.create(SECRET, { stripeAccount });
  const theirs = other.client().apps.secrets;
  await assert.rejects(theirs.find(FIND, { stripeAccount }), { statusCode: 404 });
  await theirs.create({ ...SECRET, payload: 'theirs' }, { stripeAccount });
  assert.equal((await secrets.find(FIND, { stripeAccount })).payload, 'value');
});

test("an ephemeral key opens its user's scope and no other user's", async () => {
  const own = { type: 'user', user: 'usr_own' };
  const other = { type: 'user', user: 'usr_other' };
  const made = await app.client().rawRequest('POST', '/v1/ephemeral_keys', { user: own.user });
  assert.match(made.secret, /^ek_test_coffer_/);
  const ephemeral = server.client(made.secret).apps.secrets;
  const created = await ephemeral.create({ ...SECRET, scope: own });
  assert.equal((await secrets.find({ ...FIND, scope: own })).id, created.id);
  assert.equal((await ephemeral.find({ ...FIND, scope: own })).payload, 'value');
  await secrets.create({ ...SECRET, scope: other });
  for (const call of [
    () => ephemeral.create({ ...SECRET, scope: other, payload: 'changed' }),
    () => ephemeral.find({ ...FIND, scope: other }),
    () => ephemeral.list({ scope: other }),
    () => ephemeral.deleteWhere({ name: 'token', scope: other }),
  ]) {
    assert.equal((await denied(call())).param, 'scope[user]');
  }
  assert.equal((await secrets.find({ ...FIND, scope: other })).payload, 'value');
  await secrets.create(SECRET);
  assert.equal((await ephemeral.find(FIND)).payload, 'value');
  await denied(ephemeral.create({ ...SECRET, payload: 'changed' }));
});
