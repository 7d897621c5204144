// Names and payloads of all kinds come back as they went in.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from './server.js';

const NAMES = {
  slashes: 'a/b//c/',
  'the folder above': '../../etc/passwd',
  'two dots': '..',
  'an address': 'https://user@host:1/path?query=1&more=2#end',
  'marks of forms': 'a=b&c[d]=e;f+g%20h%',
  brackets: 'scope[type]',
  'what Node escapes itself': "!*()'",
  quotes: '\'"`\\',
  'blanks around': '  token  ',
  "a line's end": 'one\r\ntwo\tthree',
  'right to left': '\u05e9\u05dc\u05d5\u05dd \u202eabc\u202c \u0645\u0631\u062d\u0628\u0627',
  'four bytes': '\u{1d11e}\u{1f600}\u{10ffff}',
  composed: '\u00e9',
  decomposed: 'e\u0301',
  'lower case': 'token',
  'upper case': 'TOKEN',
};
const LONGEST = { 'one byte': 'x', 'four bytes': '\u{1f511}' };
const account = { type: 'account' };

let server, secrets;
before(async () => {
  server = await Server.start();
  secrets = (await server.app({ secrets_per_scope: 100 })).client().apps.secrets;
});
after(() => server?.stop());

/** Every call with this name, in a scope that has nothing else. */
async function roundTrip(name, payload, scope) {
  const created = await secrets.create({ name, payload, scope });
  assert.equal(created.name, name);
  const found = await secrets.find({ name, scope, expand: ['payload'] });
  assert.deepEqual([found.id, found.name, found.payload], [created.id, name, payload]);
  const { data } = await secrets.list({ scope, expand: ['data.payload'] });
  assert.deepEqual(data.map((secret) => [secret.name, secret.payload]), [[name, payload]]);
  await secrets.deleteWhere({ name, scope });
  assert.deepEqual((await secrets.list({ scope })).data, []);
}

for (const [what, name] of Object.entries(NAMES)) {
  test(`every call takes a name or a user with ${what}`, async () => {
    await roundTrip(name, `payload of ${name}`, account);
    await roundTrip('token', 'value', { type: 'user', user: name });
  });
}

test('no two names are taken for one', async () => {
  const scope = { type: 'user', user: 'all names' };
  for (const [what, name] of Object.entries(NAMES)) {
    await secrets.create({ name, payload: what, scope });
  }
  for (const [what, name] of Object.entries(NAMES)) {
    assert.equal((await secrets.find({ name, scope, expand: ['payload'] })).payload, what);
  }
});

for (const [what, character] of Object.entries(LONGEST)) {
  test(`5000 characters of ${what} fit, one more does not`, async () => {
    const text = character.repeat(5000);
    await roundTrip(text, text, account);
    for (const param of ['name', 'payload']) {
      const params = { name: 'token', payload: 'value', scope: account };
      params[param] = text + character;
      await assert.rejects(secrets.create(params), { statusCode: 400, param });
    }
    assert.deepEqual((await secrets.list({ scope: account })).data, []);
  });
}
