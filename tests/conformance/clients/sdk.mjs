// The checks with Stripe's Node SDK, of whichever version is installed as `client`.

import Stripe from 'client';
import { account, all, amounts, base, delivery, equal, inAnHour, key, merchant, plans, run, user,
  wrongKey } from './checks.mjs';

const server = { host: base.hostname, port: base.port, protocol: 'http' };
const stripe = new Stripe(key, server);
const secrets = stripe.apps.secrets;
const connected = { stripeAccount: merchant };

// Older versions refuse options that are empty, so none are passed where there are none.
const create = (name, payload = 'value', more = {}, ...options) =>
  secrets.create({ name, payload, scope: account, ...more }, ...options);
const find = async (name, scope = account, ...options) =>
  (await secrets.find({ name, scope, expand: ['payload'] }, ...options)).payload;

/** Whether a call fails with the client's error of this class, status and parameter. */
const fails = async (type, status, param, call) => {
  const error = await call().then(() => ({}), (refused) => refused);
  equal([error.type, error.statusCode, error.param], [type, status, param]);
};

await run({
  set: async () => {
    const secret = await create('set');
    const { object, name, livemode } = secret;
    equal([object, name, livemode, 'payload' in secret], ['apps.secret', 'set', false, false]);
  },
  replace: async () => {
    const first = await create('replace');
    equal((await create('replace', 'newer')).id, first.id);
    equal(await find('replace'), 'newer');
  },
  find: async () => {
    await create('find');
    equal(await find('find'), 'value');
    equal('payload' in (await secrets.find({ name: 'find', scope: account })), false);
  },
  expiry: async () => {
    const at = inAnHour();
    equal((await create('expiry', 'value', { expires_at: at })).expires_at, at);
    equal((await create('expiry')).expires_at, null);
  },
  user: async () => {
    await create('user', "the account's");
    await create('user', "Ada's", { scope: user('ada') });
    equal([await find('user'), await find('user', user('ada'))], ["the account's", "Ada's"]);
  },
  pages: async () => {
    const scope = user('pages');
    const names = Array.from({ length: 7 }, (_, number) => `page ${number}`);
    for (const name of names) await create(name, 'value', { scope });
    const listed = await all(secrets.list({ scope, limit: 3 }));
    equal(listed.map((secret) => secret.name), names.reverse());
  },
  delete: async () => {
    await create('delete');
    equal((await secrets.deleteWhere({ name: 'delete', scope: account })).deleted, true);
    await fails('StripeInvalidRequestError', 404, 'name', () => find('delete'));
  },
  account: async () => {
    await create('account', "the app's");
    await create('account', "the merchant's", {}, connected);
    const seen = [await find('account'), await find('account', account, connected)];
    equal(seen, ["the app's", "the merchant's"]);
  },
  replay: async () => {
    const once = { idempotencyKey: 'replay' };
    const first = await create('replay', 'first', {}, once);
    await create('replay', 'second');
    equal((await create('replay', 'first', {}, once)).id, first.id);
    equal(await find('replay'), 'second');
  },
  reuse: async () => {
    const once = { idempotencyKey: 'reuse' };
    await create('reuse', 'value', {}, once);
    const again = () => create('reuse', 'other', {}, once);
    await fails('StripeIdempotencyError', 400, undefined, again);
  },
  'not found': () => fails('StripeInvalidRequestError', 404, 'name', () => find('never set')),
  invalid: () => {
    const planet = () => create('x', 'value', { scope: { type: 'planet' } });
    return fails('StripeInvalidRequestError', 400, 'scope[type]', planet);
  },
  'bad key': () => {
    const stranger = new Stripe(wrongKey, server).apps.secrets;
    const call = () => stranger.find({ name: 'x', scope: account });
    return fails('StripeAuthenticationError', 401, undefined, call);
  },
  balance: async () => {
    const { pending } = await stripe.balance.retrieve({}, connected);
    const sum = amounts.reduce((one, other) => one + other, 0);
    equal(pending.map(({ currency, amount }) => [currency, amount]), [['usd', sum]]);
  },
  transactions: async () => {
    const listed = await all(stripe.balanceTransactions.list({ limit: 3 }, connected));
    equal(listed.map(({ amount }) => amount), [...amounts].reverse());
  },
  events: async () => {
    const listed = await all(stripe.events.list({ limit: 3 }, connected));
    const ids = listed.map((event) => event.id);
    // One of each plan, and that of the install.
    equal(new Set(ids).size, plans + 1);
    const event = await stripe.events.retrieve(ids[0], {}, connected);
    equal([event.id, event.object], [ids[0], 'event']);
  },
  webhook: async () => {
    const { body, signature, secrets } = delivery;
    for (const secret of secrets) {
      const event = stripe.webhooks.constructEvent(body, signature, secret);
      equal([event.object, event.type], ['event', 'reserve.plan.created']);
    }
    const wrong = async () => stripe.webhooks.constructEvent(body, signature, `${secrets[0]}x`);
    const error = await wrong().then(() => ({}), (refused) => refused);
    equal(error.type, 'StripeSignatureVerificationError');
  },
});
