// An access token of a provider that accepts each refresh token once, for any number of workers.
//
// The tokens are one secret, a JSON text with `access`, `refresh` and `expires_at`. `exchange`
// takes a refresh token to the provider, and gives such an object back.

import { setTimeout as sleep } from 'node:timers/promises';

const SECRETS = '/v1/apps/secrets';

/** The access token, refreshed by one worker of all that ask at the same time. */
export async function accessToken(stripe, exchange, options = {}) {
  const { name = 'oauth', user, account, patience = 90_000 } = options;
  const scope = user ? { type: 'user', user } : { type: 'account' };
  const place = { name, scope };
  const on = account ? { stripeAccount: account } : {};
  const giveUp = performance.now() + patience;
  for (;;) {
    const found = await stripe.apps.secrets.find({ ...place, expand: ['payload'] }, on);
    const tokens = JSON.parse(found.payload);
    if (tokens.expires_at > Date.now() / 1000 + 60) return tokens.access;
    const version = found.lastResponse.headers['coffer-version'];
    let lease;
    try {
      // From here on the refresh token of this version is this worker's alone.
      const additionalHeaders = { 'Coffer-If-Version': version };
      const wish = { ...place, ttl: 30, spend: true };
      const sent = { ...on, additionalHeaders };
      lease = await stripe.rawRequest('POST', `${SECRETS}/lease`, wish, sent);
    } catch (error) {
      // Another worker is at it, or was faster: what it stores is read in a moment.
      if (error.statusCode !== 409 || performance.now() > giveUp) throw error;
      await sleep(50 + Math.random() * 450);
      continue;
    }
    const fresh = await exchange(tokens.refresh);
    const additionalHeaders = { 'Coffer-Lease': lease.token };
    const next = { ...place, payload: JSON.stringify(fresh) };
    await stripe.rawRequest('POST', SECRETS, next, { ...on, additionalHeaders });
    return fresh.access;
  }
}
