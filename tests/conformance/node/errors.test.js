// What is refused becomes the error that the SDK has for it.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import Stripe from 'stripe';
import { Server } from './server.js';

const scope = { type: 'account' };
const SECRET = { name: 'token', payload: 'value', scope };
const { payload, ...NAME } = SECRET;
const { errors } = Stripe;

let server, app, secrets;
before(async () => (server = await Server.start()));
after(() => server?.stop());
beforeEach(async () => {
  app = await server.app();
  secrets = app.client().apps.secrets;
});

/** Asserts that the promise is rejected with just this class; gives the error. */
async function refused(kind, statusCode, promise) {
  const error = await promise.then(() => assert.fail('it went well'), (thrown) => thrown);
  assert.equal(error.constructor, kind, error);
  assert.equal(error.type, kind.name);
  assert.equal(error.statusCode, statusCode);
  assert.match(error.requestId, /^req_[A-Za-z0-9]{14}$/);
  assert.ok(error.message);
  return error;
}

test('what is not there is a 404', async () => {
  await secrets.create({ ...SECRET, name: 'another' });
  for (const call of [secrets.find, secrets.deleteWhere]) {
    const error = await refused(
      errors.StripeInvalidRequestError, 404, call.call(secrets, NAME));
    assert.deepEqual([error.code, error.param], ['resource_missing', 'name']);
    assert.equal(error.rawType, 'invalid_request_error');
    assert.equal(error.message, "No such secret: 'token'");
  }
});

const century = 100 * 366 * 86400;
const time = () => Math.floor(Date.now() / 1000);
// What is wrong, what it changes in a create, and the code and param of its 400.
const BAD_PARAMETERS = [
  ['no name', { name: undefined }, 'parameter_missing', 'name'],
  ['no payload', { payload: undefined }, 'parameter_missing', 'payload'],
  ['no scope', { scope: undefined }, 'parameter_missing', 'scope'],
  ['no type', { scope: { user: 'usr_1' } }, 'parameter_missing', 'scope[type]'],
  ['no user', { scope: { type: 'user' } }, 'parameter_missing', 'scope[user]'],
  ['a user too many', { scope: { ...scope, user: 'u' } }, undefined, 'scope[user]'],
  ['another type', { scope: { type: 'team' } }, undefined, 'scope[type]'],
  ['a payload of null', { payload: null }, 'parameter_invalid_empty', 'payload'],
  ['an unknown parameter', { metadata: { a: 'b' } }, 'parameter_unknown', 'metadata'],
  ['a time that is none', { expires_at: 'soon' }, 'parameter_invalid_integer', 'expires_at'],
  ['a time in the past', { expires_at: time() - 60 }, undefined, 'expires_at'],
  ['a time too far away', { expires_at: time() + century }, undefined, 'expires_at'],
  ['no such expansion', { expand: ['nonsense'] }, undefined, undefined],
];
for (const [what, change, code, param] of BAD_PARAMETERS) {
  test(`${what} is a 400 that names it`, async () => {
    const call = secrets.create({ ...SECRET, ...change });
    const error = await refused(errors.StripeInvalidRequestError, 400, call);
    assert.deepEqual([error.code, error.param], [code, param]);
    assert.deepEqual((await secrets.list({ scope })).data, []);
  });
}

test('an 11th secret is refused, and a full scope still replaces', async () => {
  for (let number = 0; number < 10; number += 1) {
    await secrets.create({ ...SECRET, name: `${number}` });
  }
  await refused(errors.StripeInvalidRequestError, 400, secrets.create(SECRET));
  await secrets.create({ ...SECRET, name: '0', payload: 'replaced' });
  const found = await secrets.find({ name: '0', scope, expand: ['payload'] });
  assert.equal(found.payload, 'replaced');
});

test('a wrong key is a 401 and is not shown', async () => {
  const wrong = server.client('sk_test_coffer_thisKeyIsNotOneOfTheServers1234').apps.secrets;
  const error = await refused(errors.StripeAuthenticationError, 401, wrong.list({ scope }));
  assert.match(error.message, /^Invalid API Key provided: sk_test_\*+1234/);
});

test('a publishable key is a 403', async () => {
  const publishable = server.client('pk_test_coffer_anything1234').apps.secrets;
  const call = publishable.list({ scope });
  const error = await refused(errors.StripePermissionError, 403, call);
  assert.equal(error.code, 'secret_key_required');
});

test('a restricted key without the permission is a 403', async () => {
  const key = await app.key({ mode: 'test', permissions: ['secret_read'] });
  const reader = server.client(key).apps.secrets;
  await secrets.create(SECRET);
  const found = await reader.find({ ...NAME, expand: ['payload'] });
  assert.equal(found.payload, 'value');
  for (const call of [() => reader.create(SECRET), () => reader.deleteWhere(NAME)]) {
    const error = await refused(errors.StripePermissionError, 403, call());
    assert.match(error.message, /secret_write/);
  }
  assert.equal((await secrets.list({ scope })).data.length, 1);
});

test('an unknown URL is a 404', async () => {
  const call = app.client().rawRequest('GET', '/v1/apps/secrets/appsecret_1');
  const error = await refused(errors.StripeInvalidRequestError, 404, call);
  assert.equal(error.code, undefined);
});
