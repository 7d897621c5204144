import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCoffer } from './coffer.mjs';

let coffer;
beforeAll(async () => { coffer = await startCoffer(); });
afterAll(() => coffer.stop());

const scope = { type: 'account' };

test('a secret is found', async () => {
  const { secrets } = coffer.client('found').apps;
  await secrets.create({ name: 'oauth', payload: 'value', scope });
  const found = await secrets.find({ name: 'oauth', scope, expand: ['payload'] });
  expect(found.payload).toBe('value');
});

test('each key is an app of its own', async () => {
  const { secrets } = coffer.client('other').apps;
  await expect(secrets.find({ name: 'oauth', scope })).rejects.toMatchObject(
    { code: 'resource_missing' });
});
