// Feeds a ledger with an account's balance transactions of the last 40 days.
//   ACCOUNT=acct_1 coffer dev -- node examples/node/feed.mjs
// STRIPE_READ_KEY is a key at Stripe that may read balance transactions with their sources.
import Stripe from 'stripe';

const DAY = 86_400;
const { ACCOUNT, COFFER_API_KEY, COFFER_URL, STRIPE_READ_KEY, STRIPE_READ_URL } = process.env;
// Stripe itself, unless a test says another address.
const url = STRIPE_READ_URL && new URL(STRIPE_READ_URL);
const stripe = new Stripe(STRIPE_READ_KEY, {
  maxNetworkRetries: 5, ...(url && { protocol: 'http', host: url.hostname, port: url.port }),
});

/** Tells Coffer something of the account. What was told before changes nothing. */
async function tell(path, body, type) {
  const headers = {
    Authorization: `Bearer ${COFFER_API_KEY}`, 'Stripe-Account': ACCOUNT, 'Content-Type': type,
  };
  const answer = await fetch(COFFER_URL + path, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

await tell('/v1/ledger/settings', 'intake=transactions', 'application/x-www-form-urlencoded');
const params = {
  limit: 100, expand: ['data.source'],
  created: { gte: Math.floor(Date.now() / 1000) - 40 * DAY },
};
let recorded = 0;
for (let page; page?.has_more ?? true; params.starting_after = page.data.at(-1)?.id) {
  page = await stripe.balanceTransactions.list(params, { stripeAccount: ACCOUNT });
  const body = JSON.stringify({ object: 'list', data: page.data });
  const told = await tell('/v1/ledger/transactions/import', body, 'application/json');
  recorded += told.recorded;
  for (const { id, message } of told.refusals) console.log(`${id} is not told: ${message}`);
}
console.log(`${recorded} transactions`);
