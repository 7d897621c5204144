// Webhooks: endpoints by the SDK's methods, deliveries verified and constructed by it.

import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, beforeEach, test } from 'node:test';
import { Server } from './server.js';

let server, receiver, stripe, url, arrived, number = 0;
before(async () => {
  server = await Server.start({ developer: true });
  receiver = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      arrived.push([Buffer.concat(chunks), request.headers['stripe-signature']]);
      response.end();
      receiver.emit('arrived');
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
});
after(async () => {
  receiver?.close();
  await server?.stop();
});
beforeEach(() => {
  number += 1;
  arrived = [];
  url = `http://127.0.0.1:${receiver.address().port}/hooks`;
  stripe = server.client(`sk_test_webhooks${number}`);
});

async function happen() {
  await stripe.rawRequest('POST', '/v1/reserve/plans', {
    percent: 10, type: 'rolling_release', rolling_release: { days_after_charge: 30 },
  });
  return (await stripe.events.list({ limit: 1 })).data[0].id;
}

async function next() {
  while (arrived.length === 0) await once(receiver, 'arrived');
  return arrived.shift();
}

test('endpoints are made, changed, listed and deleted', async () => {
  const made = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'] });
  assert.match(made.secret, /^whsec_\w{32}$/);
  const read = await stripe.webhookEndpoints.retrieve(made.id);
  assert.equal(read.secret, undefined);
  const changed = await stripe.webhookEndpoints.update(made.id, { disabled: true });
  assert.equal(changed.status, 'disabled');
  const listed = await stripe.webhookEndpoints.list();
  assert.deepEqual(listed.data.map((each) => each.id), [made.id]);
  assert.equal((await stripe.webhookEndpoints.del(made.id)).deleted, true);
});

test('a delivery is verified and constructed, also while a secret is rolled', async () => {
  const made = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'] });
  let happened = await happen();
  let [body, signature] = await next();
  assert.equal(stripe.webhooks.constructEvent(body, signature, made.secret).id, happened);
  const wrong = () => stripe.webhooks.constructEvent(body, signature, `${made.secret}x`);
  assert.throws(wrong, { type: 'StripeSignatureVerificationError' });
  const path = `/v1/webhook_endpoints/${made.id}/roll_secret`;
  const rolled = await stripe.rawRequest('POST', path, {});
  happened = await happen();
  [body, signature] = await next();
  for (const secret of [made.secret, rolled.secret]) {
    assert.equal(stripe.webhooks.constructEvent(body, signature, secret).id, happened);
  }
});
