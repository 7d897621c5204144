// `coffer dev --rate-limit`: the SDK meets the real refusal, tries again, and goes through.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Stripe from 'stripe';
import { Server } from './server.js';

const scope = { type: 'account' };

let server;
before(async () => {
  server = await Server.start({ developer: true, flags: ['--rate-limit', '2'] });
});
after(() => server?.stop());

test('who does not try again meets the error', async () => {
  const { secrets } = server.client('sk_test_hasty', { maxNetworkRetries: 0 }).apps;
  await secrets.list({ scope });
  let error;
  while (!error) {
    // Faster than two a second, whatever the machine does: they are sent together.
    const all = Array.from({ length: 32 }, () => secrets.list({ scope }));
    error = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected')?.reason;
  }
  assert.ok(error instanceof Stripe.errors.StripeRateLimitError, error);
  assert.deepEqual([error.statusCode, error.code], [429, 'rate_limit']);
  assert.equal(error.headers['stripe-rate-limited-reason'], 'global-rate');
  assert.equal(error.headers['stripe-should-retry'], 'true');
});

test('who tries again goes through', async () => {
  const { secrets } = server.client('sk_test_patient', { maxNetworkRetries: 20 }).apps;
  const names = Array.from({ length: 8 }, (_, number) => `name${number}`);
  await secrets.list({ scope });
  await Promise.all(names.map((name) => secrets.create({ name, payload: 'value', scope })));
  const { data } = await secrets.list({ scope });
  assert.deepEqual(data.map(({ name }) => name).sort(), names);
});
