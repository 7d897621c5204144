// The platform of platform.mjs: a month passes, and what was held comes free.
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest';
import { startCoffer } from './coffer.mjs';
import { Platform } from './platform.mjs';

const DAY = 86_400;
const SELLER = 'acct_seller';

let coffer, platform, receiver, url, secret, number = 0;
beforeAll(async () => { coffer = await startCoffer(); });
afterAll(() => coffer.stop());

beforeEach(async () => {
  number += 1;
  platform = new Platform(coffer.client(`platform_${number}`));
  receiver = platform.receiver(() => secret).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  url = `http://127.0.0.1:${receiver.address().port}/hooks`;
  ({ secret } = await platform.listen(url));
});
afterEach(() => { receiver.closeAllConnections(); receiver.close(); });

const advance = (days) => platform.stripe.rawRequest(
  'POST', '/v1/test_helpers/clock/advance', { seconds: days * DAY });
const available = async () => {
  const balance = await platform.stripe.balance.retrieve({}, { stripeAccount: SELLER });
  return balance.available[0].amount;
};

test('a share of a charge is held, and the platform hears when it comes free', async () => {
  await platform.reserve(SELLER, 15, 30);
  const charge = { id: 'ch_1', amount: 10_000, currency: 'usd', fee: 320 };
  await platform.charge(SELLER, charge);
  await platform.charge(SELLER, charge);
  await advance(3);
  expect(await available()).toBe(8_228);
  await expect(platform.payout(SELLER, { id: 'po_1', amount: 9_680, currency: 'usd' }))
    .rejects.toMatchObject({ code: 'balance_insufficient' });
  expect(platform.released.size).toBe(0);
  await advance(29);
  await expect.poll(() => platform.released.get(SELLER), { timeout: 30_000 })
    .toEqual({ usd: 1_452 });
  await platform.payout(SELLER, { id: 'po_2', amount: 9_680, currency: 'usd' });
  expect(await available()).toBe(0);
}, 60_000);

test('what Coffer has not signed is refused, and an event counts once', async () => {
  const event = (id) => JSON.stringify({
    id, object: 'event', type: 'reserve.release.created', account: SELLER,
    data: { object: { amount: 700, currency: 'usd' } },
  });
  const send = async (body, key) => {
    const signature = platform.stripe.webhooks.generateTestHeaderString(
      { payload: body, secret: key });
    const headers = { 'Stripe-Signature': signature };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  };
  expect(await send(event('evt_forged'), 'whsec_other')).toBe(400);
  expect((await fetch(url, { method: 'POST', body: event('evt_bare') })).status).toBe(400);
  expect(platform.released.size).toBe(0);
  expect(await send(event('evt_1'), secret)).toBe(200);
  expect(await send(event('evt_1'), secret)).toBe(200);
  expect(platform.released.get(SELLER)).toEqual({ usd: 700 });
});
