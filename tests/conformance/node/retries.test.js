// A call that is tried again, by the SDK or by its user, is done once.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import Stripe from 'stripe';
import { CONFLICT, LOSE_THE_ANSWER, RESET, UNAVAILABLE, startProxy } from './proxy.js';
import { Server } from './server.js';

const scope = { type: 'account' };
const SECRET = { name: 'token', payload: 'value', scope };
const REPLAYED = 'idempotent-replayed';

let server, app, direct;
before(async () => (server = await Server.start()));
after(() => server?.stop());
beforeEach(async () => {
  app = await server.app();
  direct = app.client().apps.secrets;
});

/** A proxy with this plan, and the SDK's calls through it, with the SDK's default of retries. */
async function through(context, ...plan) {
  const { port, seen, stop } = await startProxy(server.port, plan);
  context.after(stop);
  return { seen, secrets: app.client({ port }).apps.secrets };
}

async function assertOneSecret(id) {
  assert.deepEqual((await direct.list({ scope })).data.map((secret) => secret.id), [id]);
}

function assertOneKey(seen, attempts) {
  const keys = seen.map((headers) => headers['idempotency-key']);
  assert.equal(keys.length, attempts);
  assert.equal(new Set(keys).size, 1);
  assert.match(keys[0], /^stripe-node-retry-/);
}

for (const plan of [[LOSE_THE_ANSWER], [RESET], [LOSE_THE_ANSWER, RESET]]) {
  test(`what was lost is given again (${plan.join(', ')})`, async (context) => {
    const { seen, secrets } = await through(context, ...plan);
    const created = await secrets.create({ ...SECRET, expand: ['payload'] });
    assertOneKey(seen, plan.length + 1);
    const { headers, requestId } = created.lastResponse;
    assert.equal(headers[REPLAYED], 'true');
    assert.match(headers['original-request'], /^req_/);
    assert.notEqual(headers['original-request'], requestId);
    assert.equal(created.payload, 'value');
    await assertOneSecret(created.id);
  });
}

test('a delete whose answer was lost is no 404', async (context) => {
  const { id } = await direct.create(SECRET);
  const { seen, secrets } = await through(context, LOSE_THE_ANSWER);
  const deleted = await secrets.deleteWhere({ name: 'token', scope });
  assertOneKey(seen, 2);
  assert.deepEqual([deleted.id, deleted.deleted], [id, true]);
  assert.equal(deleted.lastResponse.headers[REPLAYED], 'true');
});

for (const status of [CONFLICT, UNAVAILABLE]) {
  test(`a request that met a ${status} is done afterwards`, async (context) => {
    const { seen, secrets } = await through(context, status);
    const created = await secrets.create(SECRET);
    assertOneKey(seen, 2);
    assert.ok(!(REPLAYED in created.lastResponse.headers));
    await assertOneSecret(created.id);
  });
}

test('the same key with other parameters is an idempotency error', async () => {
  const options = { idempotencyKey: 'key' };
  const created = await direct.create(SECRET, options);
  const other = direct.create({ ...SECRET, payload: 'other' }, options);
  const error = await other.catch((thrown) => thrown);
  assert.ok(error instanceof Stripe.errors.StripeIdempotencyError, error);
  assert.deepEqual([error.statusCode, error.rawType], [400, 'idempotency_error']);
  const found = await direct.find({ name: 'token', scope, expand: ['payload'] });
  assert.deepEqual([found.id, found.payload], [created.id, 'value']);
});

test('all at once, one is executed', async () => {
  const calls = Array.from({ length: 16 }, () => direct.create(SECRET, { idempotencyKey: 'key' }));
  const answers = await Promise.all(calls);
  assert.equal(new Set(answers.map((answer) => answer.id)).size, 1);
  const executed = answers.filter((answer) => !(REPLAYED in answer.lastResponse.headers));
  assert.equal(executed.length, 1);
});

test('a replay does not bring back what was deleted', async () => {
  const options = { idempotencyKey: 'key' };
  const { id } = await direct.create(SECRET, options);
  await direct.deleteWhere({ name: 'token', scope });
  assert.equal((await direct.create(SECRET, options)).id, id);
  assert.deepEqual((await direct.list({ scope })).data, []);
});
