// The example of docs/refresh-tokens.md: many workers, and a provider that forgives nothing.

import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Server } from './server.js';

const scope = { type: 'account' };
const example = join(dirname(process.env.COFFER_README), 'docs/examples/refresh.mjs');
const { accessToken } = await import(pathToFileURL(example));

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** Gives a pair of tokens for a refresh token, once; a second time ends them all. */
class Provider {
  number = 0;
  revoked = false;

  tokens(lifetime) {
    const expires_at = Date.now() / 1000 + lifetime;
    return { access: `access-${this.number}`, refresh: `refresh-${this.number}`, expires_at };
  }

  exchange = async (refresh) => {
    await sleep(50);
    if (this.revoked || refresh !== `refresh-${this.number}`) {
      this.revoked = true;
      throw new Error('invalid_grant');
    }
    this.number += 1;
    return this.tokens(3600);
  };
}

test('workers refresh once', async () => {
  const client = (await server.app()).client();
  const provider = new Provider();
  for (const round of [1, 2, 3]) {
    const payload = JSON.stringify(provider.tokens(-1));
    await client.apps.secrets.create({ name: 'oauth', payload, scope });
    const asked = Array.from({ length: 20 }, () => accessToken(client, provider.exchange));
    const access = new Set(await Promise.all(asked));
    assert.deepEqual([...access], [`access-${round}`]);
    assert.equal(provider.number, round);
  }
  assert.equal(provider.revoked, false);
});
