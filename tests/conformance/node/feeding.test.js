// Stripe's stand-in, which the feeder is tested against: the SDK reads what it serves, and the
// example feeds a ledger from it.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import Stripe from 'stripe';
import { Server } from './server.js';

let standin, url, accounts, stripe;
before(async () => {
  const binary = join(dirname(process.env.COFFER_BIN), 'coffer-stripe-standin');
  standin = spawn(binary, ['7', '3', '450'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(standin.stdout, 'data');
  const [address, ids] = line.toString().trim().split(' ');
  [url, accounts] = [new URL(address), ids.split(',')];
  const { hostname: host, port } = url;
  stripe = new Stripe('rk_test_reader', { protocol: 'http', host, port });
});
after(() => standin?.stdin.end());

async function all(service, params = {}) {
  const found = [];
  const pages = service.list({ limit: 100, ...params }, { stripeAccount: accounts[0] });
  for await (const one of pages) found.push(one);
  return found;
}

test('what it serves is read page by page', async () => {
  const transactions = await all(stripe.balanceTransactions, { expand: ['data.source'] });
  assert.equal(transactions.length, 150);
  for (const one of transactions) {
    assert.equal(one.object, 'balance_transaction');
    assert.equal(one.net, one.amount - one.fee);
  }
  const sources = new Set(transactions.map(({ source }) => source?.object));
  for (const kind of ['charge', 'refund', 'dispute', 'payout']) assert.ok(sources.has(kind), kind);
  const balance = await stripe.balance.retrieve({}, { stripeAccount: accounts[0] });
  const sum = (amounts) => amounts.reduce((all, one) => all + one, 0);
  const payments = transactions.filter((one) => one.balance_type === 'payments');
  const buckets = [...balance.available, ...balance.pending];
  assert.equal(sum(buckets.map(({ amount }) => amount)), sum(payments.map(({ net }) => net)));
});

test('payouts, disputes and events are there', async () => {
  for (const [service, kind] of [
    [stripe.payouts, 'payout'], [stripe.disputes, 'dispute'], [stripe.events, 'event'],
  ]) {
    const found = await all(service);
    assert.ok(found.length > 0, kind);
    assert.ok(found.every(({ object }) => object === kind), kind);
  }
});

test('the example feeds a ledger', async () => {
  const coffer = await Server.start({ developer: true });
  try {
    // It imports the SDK, which is installed here.
    const example = join(dirname(process.env.COFFER_README), 'examples/node/feed.mjs');
    copyFileSync(example, './feed.mjs');
    const env = {
      ...process.env, ACCOUNT: accounts[1], COFFER_URL: `http://127.0.0.1:${coffer.port}`,
      COFFER_API_KEY: 'sk_test_feeding', STRIPE_READ_KEY: 'rk_test_reader',
      STRIPE_READ_URL: url.href,
    };
    const { stdout } = await promisify(execFile)(process.execPath, ['feed.mjs'], { env });
    assert.equal(stdout, '150 transactions\n');
  } finally {
    await coffer.stop();
  }
});
