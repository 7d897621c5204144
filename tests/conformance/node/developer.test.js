// `coffer dev`: the SDK works with any test key, and nothing is set up before.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import Stripe from 'stripe';
import { Server } from './server.js';

const scope = { type: 'account' };
const FIND = { name: 'token', scope, expand: ['payload'] };

let server;
before(async () => (server = await Server.start({ developer: true })));
after(() => server?.stop());

test('any test key is an app, and any account has it', async () => {
  const first = server.client('sk_test_first').apps.secrets;
  const second = server.client('sk_test_second').apps.secrets;
  const merchant = { stripeAccount: 'acct_merchant' };
  await first.create({ name: 'token', payload: 'own', scope });
  await first.create({ name: 'token', payload: 'theirs', scope }, merchant);
  assert.equal((await first.find(FIND)).payload, 'own');
  assert.equal((await first.find(FIND, merchant)).payload, 'theirs');
  assert.deepEqual((await second.list({ scope })).data, []);
  assert.equal((await first.deleteWhere({ name: 'token', scope })).deleted, true);
  await assert.rejects(first.find(FIND), { statusCode: 404, code: 'resource_missing' });
});

test('a live key is refused', async () => {
  const live = server.client('sk_live_anything').apps.secrets;
  const error = await live.list({ scope }).catch((thrown) => thrown);
  assert.ok(error instanceof Stripe.errors.StripeAuthenticationError, error);
  assert.match(error.message, /developer mode/);
});

/** What a program prints that is run with the same SDK. */
const printed = (code) =>
  execFileSync(process.execPath, ['--input-type=commonjs', '-e', code], { encoding: 'utf8' });

test('what the banner says works as pasted', () => {
  const said = server.said();
  const snippet = said.slice(said.indexOf('// Node'), said.indexOf('Ctrl-C'));
  assert.match(printed(snippet), /^appsecret_\w{30}\n$/);
});
