// Reserves and the ledger. The SDK has types and events for reserves and no methods, so whatever
// writes is a raw request; balances, balance transactions and events have methods.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import Stripe from 'stripe';
import { Server } from './server.js';

const DAY = 86_400;
const HOLDS = '/v1/reserve/holds';
const PLANS = '/v1/reserve/plans';
const RELEASES = '/v1/reserve/releases';
const CHARGES = '/v1/ledger/charges';
const REFUNDS = '/v1/ledger/refunds';
const DISPUTES = '/v1/ledger/disputes';
const PAYOUTS = '/v1/ledger/payouts';
const NEWEST = '2026-10-28.endive';
const WITH_DISABLING = '2025-12-15.preview';
const midnightAfter = (time) => (Math.floor(time / DAY) + 1) * DAY;

let server, stripe, account, number = 0;
before(async () => (server = await Server.start({ developer: true })));
after(() => server?.stop());
// Each test has a platform and a connected account of its own, and all share the clock.
beforeEach(() => {
  number += 1;
  account = `acct_merchant${number}`;
  stripe = server.client(`sk_test_platform${number}`, { stripeAccount: account });
});

const post = (path, params, options) => stripe.rawRequest('POST', path, params, options);
const get = (path, options) => stripe.rawRequest('GET', path, undefined, options);
const listed = async (path) => (await get(path)).data;
const amounts = async (path) => (await listed(path)).map((each) => each.amount);
const now = async () => (await get('/v1/test_helpers/clock')).now;
const advance = async (how) => (await post('/v1/test_helpers/clock/advance', how)).now;
const charge = (id, more) => post(CHARGES, { id, amount: 10_000, currency: 'usd', ...more });
const disable = (plan, options) => post(`${PLANS}/${plan}/disable`, {}, options);
const release = (hold, more) => post(RELEASES, { reserve_hold: hold, ...more });

const rolling = ({ percent = 15, days = 30 } = {}) =>
  post(PLANS, {
    percent, type: 'rolling_release', rolling_release: { days_after_charge: days },
  });

async function hold({ amount = 1000, days = 10, ...more } = {}) {
  const release_schedule = { release_after: (await now()) + days * DAY };
  return post(HOLDS, { amount, currency: 'usd', release_schedule, ...more });
}

/** Payments pending and available, in US dollars. */
async function standing() {
  const { pending, available } = await stripe.balance.retrieve();
  const usd = (side) => side.find((each) => each.currency === 'usd')?.amount ?? 0;
  return [usd(pending), usd(available)];
}

async function refused(promise, code, param, statusCode = 400) {
  const error = await promise.then(() => assert.fail('it went well'), (thrown) => thrown);
  assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError, error);
  assert.deepEqual([error.statusCode, error.code, error.param], [statusCode, code, param]);
}

/** An object without what the SDK adds, which deepEqual would not overlook. */
const plain = (object) => JSON.parse(JSON.stringify(object));

test('charges, and a fee that is told late', async () => {
  const made = await charge('ch_1', { application_fee: 1000, source_transfer: 'tr_1' });
  const { created, available_on } = made;
  assert.equal(available_on, midnightAfter(created) + DAY);
  assert.deepEqual(plain(made), {
    id: 'ch_1', object: 'ledger.charge', amount: 10_000, amount_refunded: 0,
    application_fee: 1000, available_on, created, currency: 'usd', disputed: false, fee: 0,
    livemode: false, net: 9000, refunded: false, source_transfer: 'tr_1', source_type: 'card',
    status: 'pending',
  });
  assert.deepEqual(plain(await charge('ch_1')), plain(made));
  await refused(charge('ch_1', { amount: 1 }), undefined, 'amount');
  const late = await post(`${CHARGES}/ch_1`, { fee: 320 });
  assert.deepEqual([late.fee, late.net], [320, 8680]);
  await charge('ch_2', { amount: 500, currency: 'eur' });
  assert.deepEqual(await amounts(CHARGES), [500, 10_000]);
  assert.deepEqual(await amounts(`${CHARGES}?currency=usd`), [10_000]);
  assert.deepEqual(await standing(), [8680, 0]);
  await advance({ to: available_on });
  assert.deepEqual(await standing(), [0, 8680]);
});

test('refunds, one of which fails', async () => {
  await charge('ch_1');
  const refund = { id: 're_1', charge: 'ch_1', amount: 3000 };
  assert.equal((await post(REFUNDS, refund)).status, 'succeeded');
  assert.deepEqual(await standing(), [7000, 0]);
  const second = { ...refund, id: 're_2' };
  await refused(post(REFUNDS, { ...second, charge: 'ch_2' }), 'resource_missing', 'charge');
  assert.equal((await post(`${REFUNDS}/re_1`, { status: 'failed' })).status, 'failed');
  assert.deepEqual(await standing(), [10_000, 0]);
  assert.deepEqual(await amounts(`${REFUNDS}?charge=ch_1`), [3000]);
  // At another day's rate a refund may be more than its charge.
  assert.equal((await post(REFUNDS, { ...second, amount: 10_001 })).status, 'succeeded');
});

test('disputes that are won and lost', async () => {
  await advance({ to: (await charge('ch_1', { amount: 20_000 })).available_on });
  for (const id of ['du_1', 'du_2']) {
    await post(DISPUTES, { id, charge: 'ch_1', amount: 5000, fee: 1500 });
  }
  assert.deepEqual(await standing(), [0, 7000]);
  const won = await post(`${DISPUTES}/du_1`, { status: 'won', fee_returned: true });
  assert.deepEqual([won.status, won.fee_returned], ['won', true]);
  const lost = await post(`${DISPUTES}/du_2`, { status: 'lost' });
  assert.deepEqual([lost.status, lost.fee_returned], ['lost', false]);
  assert.deepEqual(await standing(), [0, 13_500]);
  assert.deepEqual(await amounts(`${DISPUTES}?charge=ch_1`), [5000, 5000]);
});

test('payouts that are asked for, and one that is told', async () => {
  await advance({ to: (await charge('ch_1')).available_on });
  const payout = { id: 'po_1', amount: 6000, currency: 'usd' };
  assert.equal((await post(PAYOUTS, payout)).status, 'in_transit');
  assert.equal((await post(`${PAYOUTS}/po_1`, { status: 'paid' })).status, 'paid');
  const more = { ...payout, id: 'po_2' };
  await refused(post(PAYOUTS, more), 'balance_insufficient', 'amount');
  assert.equal((await post(PAYOUTS, { ...more, reported: true })).reported, true);
  assert.deepEqual(await standing(), [0, -2000]);
  const [breach] = await listed('/v1/ledger/breaches');
  assert.deepEqual([breach.payout, breach.available_after], ['po_2', -2000]);
  await post(`${PAYOUTS}/po_2`, { status: 'canceled' });
  assert.deepEqual(await standing(), [0, 4000]);
  await refused(post(`${PAYOUTS}/po_2`, { status: 'paid' }), undefined, 'status');
  const transactions = await stripe.balanceTransactions.list({ payout: 'po_2' });
  const shown = transactions.data.map((each) => [each.type, each.amount]);
  assert.deepEqual(shown, [['payout_cancel', 6000], ['payout', -6000]]);
});

test('plans are made and changed', async () => {
  const after = (await now()) + 30 * DAY;
  const made = await post(PLANS, {
    percent: 20, type: 'fixed_release', currency: 'usd',
    fixed_release: { release_after: after }, metadata: { why: 'new' },
  });
  assert.match(made.id, /^resplan_[A-Za-z0-9]{29}$/);
  assert.deepEqual(plain(made), {
    id: made.id, object: 'reserve.plan', created: made.created, created_by: 'application',
    currency: 'usd', destination: 'risk_reserved', disabled_at: null,
    fixed_release: { release_after: after, scheduled_release: midnightAfter(after) },
    livemode: false, metadata: { why: 'new' }, percent: 20, status: 'active',
    type: 'fixed_release',
  });
  const path = `${PLANS}/${made.id}`;
  const fixed_release = { release_after: after + DAY };
  const moved = await post(path, { percent: 25, metadata: { why: '' }, fixed_release });
  assert.deepEqual([moved.percent, moved.metadata], [25, {}]);
  assert.equal(moved.fixed_release.release_after, after + DAY);
  assert.deepEqual(plain(await get(path)), plain(moved));
  const other = { rolling_release: { days_after_charge: 9 } };
  await refused(post(path, other), 'parameter_unknown', 'rolling_release');
  const { id } = await rolling();
  const ends = await post(`${PLANS}/${id}`, { rolling_release: { expires_on: after } });
  assert.deepEqual(ends.rolling_release, { days_after_charge: 30, expires_on: after });
  const endless = await post(`${PLANS}/${id}`, { rolling_release: { expires_on: '' } });
  assert.equal(endless.rolling_release.expires_on, null);
  const manual = await post(PLANS, { percent: 5, type: 'manual_release' });
  assert.deepEqual(manual.manual_release, {});
  const ids = (await listed(`${PLANS}?status=active`)).map((plan) => plan.id);
  assert.deepEqual(ids, [manual.id, id, made.id]);
});

test('a plan holds, and a refund draws on it', async () => {
  const plan = await rolling();
  const { created, available_on } = await charge('ch_1', { fee: 320 });
  const expand = 'expand[]=data.reserve_plan&expand[]=data.source_charge';
  const [held] = await listed(`${HOLDS}?source_charge=ch_1&${expand}`);
  assert.deepEqual([held.amount, held.reserve_plan.id], [1452, plan.id]);
  assert.deepEqual([held.source_charge.object, held.source_charge.id], ['charge', 'ch_1']);
  const scheduled_release = midnightAfter(created + 30 * DAY);
  assert.deepEqual(held.release_schedule, { release_after: null, scheduled_release });
  await advance({ to: available_on });
  assert.deepEqual(await standing(), [0, 8228]);
  const refund = await post(REFUNDS, { id: 're_1', charge: 'ch_1', amount: 3000 });
  assert.equal(refund.drawn, 1452);
  assert.deepEqual(await standing(), [0, 6680]);
  const [drawn] = await listed(`${RELEASES}?reserve_hold=${held.id}`);
  assert.equal(drawn.reason, 'hold_reversed');
  assert.deepEqual(drawn.source_transaction, { type: 'refund', refund: 're_1' });
});

test('a disabled plan gives back in one release', async () => {
  const { id } = await rolling();
  await charge('ch_1', { fee: 320 });
  await charge('ch_2', { fee: 320 });
  assert.equal((await disable(id)).status, 'disabled');
  await refused(disable(id));
  await refused(post(`${PLANS}/${id}`, { percent: 5 }));
  await advance({ seconds: 1 });
  const [all, ...others] = await listed(`${RELEASES}?reserve_plan=${id}`);
  assert.deepEqual(others, []);
  const shown = [all.amount, all.reason, all.reserve_hold];
  assert.deepEqual(shown, [2904, 'plan_disabled', null]);
  const details = [{ amount: 1452, reserve_release: all.id }];
  const holds = await listed(`${HOLDS}?reserve_release=${all.id}`);
  assert.deepEqual(holds.map((each) => each.release_details), [details, details]);
});

test('holds are made and moved', async () => {
  const after = (await now()) + 10 * DAY;
  const made = await post(HOLDS, {
    amount: 1000, currency: 'usd', source_type: 'fpx', metadata: { why: 'new' },
    release_schedule: { release_after: after },
  });
  assert.match(made.id, /^reshold_[A-Za-z0-9]{29}$/);
  assert.deepEqual(plain(made), {
    id: made.id, object: 'reserve.hold', amount: 1000, amount_releasable: 1000,
    created: made.created, created_by: 'application', currency: 'usd',
    destination: 'risk_reserved', is_releasable: true, livemode: false,
    metadata: { why: 'new' }, reason: 'standalone', release_details: [],
    release_schedule: { release_after: after, scheduled_release: midnightAfter(after) },
    reserve_plan: null, source_charge: null, source_type: 'fpx',
  });
  const path = `${HOLDS}/${made.id}`;
  const moved = await post(path, {
    release_schedule: { release_after: after + DAY }, metadata: { by: 'hand' },
  });
  assert.equal(moved.release_schedule.release_after, after + DAY);
  assert.deepEqual(moved.metadata, { why: 'new', by: 'hand' });
  const late = { release_schedule: { release_after: made.created + 181 * DAY } };
  const date = 'release_schedule[release_after]';
  await refused(post(path, late), undefined, date);
  await refused(post(HOLDS, { amount: 1, currency: 'usd', ...late }), undefined, date);
  await refused(post(HOLDS, { currency: 'usd' }), 'parameter_missing', 'amount');
  const unknown = post(`${HOLDS}/reshold_x`, { metadata: { k: 'v' } });
  await refused(unknown, 'resource_missing', 'id', 404);
});

test('holds are released by hand', async () => {
  const { id } = await hold();
  const first = await release(id, { amount: 300, expand: ['reserve_hold'] });
  assert.equal(first.reserve_hold.amount_releasable, 700);
  const shown = [first.reason, first.created_by, first.destination];
  assert.deepEqual(shown, ['hold_released_early', 'application', 'payments']);
  const changed = await post(`${RELEASES}/${first.id}`, { metadata: { by: 'hand' } });
  assert.deepEqual([changed.metadata, changed.reserve_hold], [{ by: 'hand' }, id]);
  await refused(release(id, { amount: 701 }), undefined, 'amount');
  await refused(release(id, { currency: 'eur' }), undefined, 'currency');
  await refused(release('reshold_x'), 'resource_missing', 'reserve_hold');
  assert.equal((await release(id)).amount, 700);
  await refused(release(id), undefined, 'reserve_hold');
  assert.deepEqual(await amounts(`${RELEASES}?reserve_hold=${id}`), [700, 300]);
});

test('a request that is sent again is done once', async () => {
  const params = {
    amount: 5, currency: 'usd', release_schedule: { release_after: (await now()) + 10 * DAY },
  };
  const options = { idempotencyKey: `hold of ${account}` };
  const first = await post(HOLDS, params, options);
  assert.equal((await post(HOLDS, params, options)).id, first.id);
  assert.deepEqual(await amounts(HOLDS), [5]);
});

test('time passes', async () => {
  const alone = await hold({ days: 3 });
  const { id } = await rolling({ percent: 10, days: 3 });
  await charge('ch_1');
  const due = alone.release_schedule.scheduled_release;
  assert.equal(await advance({ to: due - 60 }), due - 60);
  assert.deepEqual(await listed(RELEASES), []);
  assert.equal(await advance({ to: due }), due);
  const shown = await listed(RELEASES);
  const plans = new Map(shown.map((each) => [each.reserve_plan, each]));
  assert.deepEqual([...plans.keys()].toSorted(), [id, null].toSorted());
  assert.ok(shown.every((each) => each.amount === 1000 && each.reason === 'hold_expired'));
  assert.equal(plans.get(null).reserve_hold, alone.id);
  await refused(post('/v1/test_helpers/clock/advance', { to: due }), undefined, 'to');
});

test('the balance has what can be paid out, and previews what is reserved', async () => {
  await charge('ch_1');
  await hold({ amount: 30 });
  const balance = await stripe.balance.retrieve();
  const usd = { amount: -30, currency: 'usd', source_types: { card: -30 } };
  assert.deepEqual(balance.available, [usd]);
  assert.ok(!('risk_reserved' in balance));
  const preview = await stripe.balance.retrieve({}, { apiVersion: '2026-10-14.preview' });
  assert.deepEqual(preview.risk_reserved.available, [
    { amount: 30, currency: 'usd', source_types: { card: 30 } },
  ]);
});

test('balance transactions come in pairs', async () => {
  await charge('ch_1', { fee: 320 });
  const { id } = await hold();
  await release(id);
  const pair = await stripe.balanceTransactions.list({ source: id, type: 'reserve_hold' });
  const sides = Object.fromEntries(pair.data.map((each) => [each.balance_type, each.net]));
  assert.deepEqual(sides, { payments: -1000, risk_reserved: 1000 });
  const [one] = (await stripe.balanceTransactions.list({ source: 'ch_1' })).data;
  assert.deepEqual([one.amount, one.fee, one.net, one.status], [10_000, 320, 9680, 'pending']);
  assert.deepEqual(plain(await stripe.balanceTransactions.retrieve(one.id)), plain(one));
  const types = [];
  for await (const each of stripe.balanceTransactions.list({ limit: 2 })) types.push(each.type);
  const expected = ['release', 'release', 'hold', 'hold'].map((word) => `reserve_${word}`);
  assert.deepEqual(types, [...expected, 'charge']);
});

test('events tell what happened', async () => {
  const { id } = await rolling();
  await post(`${PLANS}/${id}`, { percent: 20 });
  const held = await hold();
  await release(held.id, { amount: 100 });
  await disable(id);
  await advance({ seconds: 1 });
  const events = [];
  for await (const event of stripe.events.list({ type: 'reserve.*', limit: 3 })) {
    events.unshift(event);
  }
  assert.deepEqual(events.map((event) => event.type), [
    'reserve.plan.created', 'reserve.plan.updated', 'reserve.hold.created',
    'reserve.release.created', 'reserve.hold.updated', 'reserve.plan.disabled',
  ]);
  const [, updated, , , changed, disabled] = events;
  assert.deepEqual(updated.data.previous_attributes, { percent: 15 });
  assert.deepEqual([updated.data.object.id, updated.data.object.percent], [id, 20]);
  assert.equal(updated.account, account);
  assert.match(updated.request.id, /^req_/);
  assert.equal(changed.data.previous_attributes.amount_releasable, 1000);
  assert.equal(changed.data.object.amount_releasable, 900);
  assert.equal(disabled.request.id, null);
  const types = ['reserve.plan.disabled', 'reserve.plan.expired'];
  assert.deepEqual(plain((await stripe.events.list({ types })).data), [plain(disabled)]);
  assert.deepEqual(plain(await stripe.events.retrieve(disabled.id)), plain(disabled));
});

// The version, and what it has: `destination`, `release_details`, the word for a date that came.
const VERSIONS = [
  [WITH_DISABLING, false, false, 'bulk_hold_expiry'],
  ['2026-06-23.dahlia', false, false, 'bulk_hold_expiry'],
  ['2026-06-24.dahlia', false, true, 'bulk_hold_expiry'],
  ['2026-09-29.dahlia', false, true, 'bulk_hold_expiry'],
  ['2026-09-30.endive', true, true, 'hold_expired'],
  [NEWEST, true, true, 'hold_expired'],
];

test('older versions see what they know', async () => {
  const made = await hold({ days: 3 });
  const plan = await rolling();
  await advance({ to: made.release_schedule.scheduled_release });
  const [{ id }] = await listed(RELEASES);
  const paths = [`${HOLDS}/${made.id}`, `${PLANS}/${plan.id}`, `${RELEASES}/${id}`];
  for (const [apiVersion, destination, details, reason] of VERSIONS) {
    const shown = await Promise.all(paths.map((path) => get(path, { apiVersion })));
    for (const each of shown) {
      assert.equal(each.lastResponse.apiVersion, apiVersion);
      assert.equal('destination' in each, destination, apiVersion);
    }
    assert.equal('release_details' in shown[0], details, apiVersion);
    assert.equal(shown[2].reason, reason, apiVersion);
  }
  const older = server.client(`sk_test_platform${number}`, {
    stripeAccount: account, apiVersion: '2026-06-23.dahlia',
  });
  const list = await older.rawRequest('GET', `${RELEASES}?expand[]=data.reserve_hold`);
  assert.equal(list.data[0].reason, 'bulk_hold_expiry');
  assert.ok(!('release_details' in list.data[0].reserve_hold));
  const [event] = (await older.events.list({ type: 'reserve.release.created' })).data;
  assert.deepEqual([event.data.object.reason, event.api_version], ['hold_expired', NEWEST]);
});

/** What a plan shows while it is emptied, in an old version and in the newest. */
async function draining() {
  const old = { apiVersion: WITH_DISABLING };
  // It is emptied in the background, every few seconds, so a moment may be missed.
  for (let turn = 0; turn < 10; turn += 1) {
    const path = `${PLANS}/${(await rolling()).id}`;
    const told = await post(`${path}/disable`, {}, old);
    const newest = await get(path, { apiVersion: NEWEST });
    const older = await get(path, old);
    if (told.status === older.status) return [older, newest];
  }
  return assert.fail('no plan was seen while it was emptied');
}

test('a plan that is being emptied', async () => {
  const [older, newest] = await draining();
  assert.deepEqual([older.status, older.disabled_at], ['disabling', null]);
  assert.equal(newest.status, 'disabled');
  assert.ok(newest.disabled_at >= newest.created);
  await advance({ seconds: 30 });
  const emptied = await get(`${PLANS}/${older.id}`, { apiVersion: WITH_DISABLING });
  const [told] = (await stripe.events.list({ type: 'reserve.plan.disabled', limit: 1 })).data;
  assert.deepEqual([emptied.status, emptied.disabled_at], ['disabled', told.created]);
  const later = await get(`${PLANS}/${older.id}`, { apiVersion: '2026-01-28.clover' });
  assert.deepEqual([later.status, later.disabled_at], ['disabled', newest.disabled_at]);
});

test('manual plans are made by those who know of them', async () => {
  const params = { percent: 5, type: 'manual_release' };
  await refused(post(PLANS, params, { apiVersion: '2026-09-29.dahlia' }), undefined, 'type');
  await post(PLANS, params, { apiVersion: '2026-09-30.endive' });
});
