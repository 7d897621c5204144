// An identity provider that vouches for whoever comes, as far as the sign-in's pages need one.

import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';

const CLIENT = 'coffer-browser';

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The provider, on a port of its own. */
export class Provider {
  static async start() {
    const provider = new Provider();
    provider.key = generateKeyPairSync('rsa', { modulusLength: 2048 });
    // What it says of whoever signs in next: their groups, or none if it turns them away.
    provider.groups = [];
    provider.nonces = new Map();
    provider.server = createServer((request, response) => provider.answer(request, response));
    provider.server.listen(0, '127.0.0.1');
    await once(provider.server, 'listening');
    provider.issuer = `http://127.0.0.1:${provider.server.address().port}`;
    return provider;
  }

  /** The settings of a server whose people sign in here. */
  settings() {
    return {
      COFFER_OIDC_ISSUER: this.issuer,
      COFFER_OIDC_CLIENT_ID: CLIENT,
      COFFER_OIDC_CLIENT_SECRET: 'the-secret-of-the-client',
      COFFER_OIDC_OPERATORS: 'ops',
      // The provider is told by the test where the server is: its port is not known yet.
      COFFER_DASHBOARD_URL: 'http://localhost:1',
    };
  }

  answer(request, response) {
    const url = new URL(request.url, this.issuer);
    const json = (body) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    };
    if (url.pathname === '/.well-known/openid-configuration') {
      json({
        issuer: this.issuer,
        authorization_endpoint: `${this.issuer}/authorize`,
        token_endpoint: `${this.issuer}/token`,
        jwks_uri: `${this.issuer}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
    } else if (url.pathname === '/keys') {
      const key = this.key.publicKey.export({ format: 'jwk' });
      json({ keys: [{ ...key, use: 'sig', alg: 'RS256', kid: 'one' }] });
    } else if (url.pathname === '/authorize') {
      const code = `code-${this.nonces.size}`;
      this.nonces.set(code, url.searchParams.get('nonce'));
      const said = this.groups === null ? { error: 'access_denied' } : { code };
      const back = new URLSearchParams({ ...said, state: url.searchParams.get('state') });
      response.writeHead(302, { location: `${this.back}/dashboard/oidc/return?${back}` });
      response.end();
    } else if (url.pathname === '/token') {
      let form = '';
      request.on('data', (part) => {
        form += part;
      });
      request.on('end', () => {
        const nonce = this.nonces.get(new URLSearchParams(form).get('code'));
        json({ access_token: 'none', token_type: 'Bearer', id_token: this.token(nonce) });
      });
    } else {
      response.writeHead(404);
      response.end();
    }
  }

  token(nonce) {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.issuer,
      aud: CLIENT,
      sub: 'ada-1',
      email: 'ada@example.com',
      exp: now + 300,
      iat: now,
      nonce,
      groups: this.groups,
    };
    const message = `${encoded({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${encoded(claims)}`;
    const signature = createSign('RSA-SHA256').update(message).sign(this.key.privateKey);
    return `${message}.${signature.toString('base64url')}`;
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
