// The checks with a typed client that a third party generates from Stripe's description, and that
// an infrastructure tool uses to keep secrets. It has no iterator of lists.

import { Effect, Layer, Redacted } from 'effect';
import * as FetchHttpClient from 'effect/unstable/http/FetchHttpClient';
import * as Stripe from 'client';
import { account, amounts, base, equal, inAnHour, key, merchant, plans, run, user, wrongKey }
  from './checks.mjs';

const api = Stripe.Services.stripe;
const layer = (apiKey) =>
  Layer.mergeAll(Stripe.credentials({ apiKey, apiBaseUrl: base.origin }), Stripe.StripeProtocol,
    FetchHttpClient.layer);

/** Runs one call, with the options that the client takes beside the parameters. */
const call = (operation, params, options = {}, apiKey = key) =>
  Effect.runPromise(operation(params).pipe(Stripe.withRequestOptions(options),
    Effect.provide(layer(apiKey))));

const connected = { stripeAccount: merchant };
const create = (name, payload = 'value', more = {}, options) =>
  call(api.CreateAppsSecret, { name, payload, scope: account, ...more }, options);
const plain = (value) => (Redacted.isRedacted(value) ? Redacted.value(value) : value);
const find = async (name, scope = account, options = undefined) => {
  const params = { name, scope, expand: ['payload'] };
  return plain((await call(api.GetAppsSecretsFind, params, options)).payload);
};

/** Whether a call fails with the client's error of this name and parameter. */
const fails = async (tag, param, promise) => {
  const error = await promise.then(() => ({}), (refused) => refused);
  equal([error._tag, error.param], [tag, param]);
};

/** All pages of a list, by hand. */
async function pages(operation, params, options) {
  const items = [];
  for (let page = { has_more: true }; page.has_more;) {
    const after = items.length ? { starting_after: items.at(-1).id } : {};
    page = await call(operation, { ...params, ...after, limit: 3 }, options);
    items.push(...page.data);
  }
  return items;
}

await run({
  set: async () => {
    const { object, name, livemode, payload } = await create('set');
    equal([object, name, livemode, payload], ['apps.secret', 'set', false, undefined]);
  },
  replace: async () => {
    const first = await create('replace');
    equal((await create('replace', 'newer')).id, first.id);
    equal(await find('replace'), 'newer');
  },
  find: async () => {
    await create('find');
    equal(await find('find'), 'value');
  },
  expiry: async () => {
    const at = inAnHour();
    equal((await create('expiry', 'value', { expires_at: at })).expires_at, at);
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
    const listed = await pages(api.GetAppsSecrets, { scope });
    equal(listed.map((secret) => secret.name), names.reverse());
  },
  delete: async () => {
    await create('delete');
    const gone = await call(api.CreateAppsSecretsDelete, { name: 'delete', scope: account });
    equal(gone.deleted, true);
    await fails('InvalidRequestError', 'name', find('delete'));
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
    await fails('IdempotencyError', undefined, create('reuse', 'other', {}, once));
  },
  'not found': () => fails('InvalidRequestError', 'name', find('never set')),
  invalid: () => {
    const planet = create('x', 'value', { scope: { type: 'planet' } });
    return fails('InvalidRequestError', 'scope[type]', planet);
  },
  'bad key': async () => {
    const params = { name: 'x', scope: account };
    const asked = call(api.GetAppsSecretsFind, params, {}, wrongKey);
    const error = await asked.catch((failed) => failed);
    equal(error.message.startsWith('Invalid API Key'), true);
  },
  balance: async () => {
    const { pending } = await call(api.GetBalance, {}, connected);
    const sum = amounts.reduce((one, other) => one + other, 0);
    equal(pending.map(({ currency, amount }) => [currency, amount]), [['usd', sum]]);
  },
  transactions: async () => {
    const listed = await pages(api.GetBalanceTransactions, {}, connected);
    equal(listed.map(({ amount }) => amount), [...amounts].reverse());
  },
  events: async () => {
    const listed = await pages(api.GetEvents, {}, connected);
    const ids = listed.map((event) => event.id);
    // One of each plan, and that of the install.
    equal(new Set(ids).size, plans + 1);
    equal((await call(api.GetEvent, { id: ids[0] }, connected)).id, ids[0]);
  },
});
