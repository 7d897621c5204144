// What the checks of a JavaScript client share; `checks.py` says what each of them means.

import assert from 'node:assert/strict';

const { env } = process;
export const base = new URL(env.COFFER_BASE);
export const key = env.COFFER_KEY;
export const merchant = env.COFFER_MERCHANT;
export const amounts = Array.from({ length: Number(env.COFFER_CHARGES) }, (_, n) => 1000 + n);
export const plans = Number(env.COFFER_PLANS);
export const delivery = JSON.parse(env.COFFER_DELIVERY);
export const account = { type: 'account' };
export const user = (name) => ({ type: 'user', user: name });
export const wrongKey = `${key.slice(0, -4)}AAAA`;

/** An expiry that does not pass while the checks run. */
export const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

export const equal = (seen, expected) => assert.deepEqual(seen, expected);

/** What a list's iterator yields, in its order. */
export async function all(iterator) {
  const items = [];
  for await (const item of iterator) items.push(item);
  return items;
}

/** Runs checks by their names, and says of each on a line of its own whether it passed. */
export async function run(checks) {
  for (const [check, prove] of Object.entries(checks)) {
    const seen = await prove().then(() => '', (error) => `${error?.name}: ${error?.message}`);
    console.log(JSON.stringify({ check, passed: seen === '', seen }));
  }
}
