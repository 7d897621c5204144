// A server of developer mode with something to look at, and a browser.

import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

// What the banner says: where the API is, and the link that signs one browser in.
const BANNER = /API {3}(http:\S+)[^]*?(http:\S+\/dashboard\/open\S+)/;
// How long anything may take on a machine that is busy with other work, in milliseconds.
const PATIENCE = 300_000;

/** A payload that no page may have unless it was revealed. */
export const PAYLOAD = 'hunter2-hunter2';

/** A server with a data directory of its own. */
export class Server {
  static async start() {
    const server = new Server();
    server.home = mkdtempSync(join(tmpdir(), 'coffer-browser-'));
    server.atExit = () => server.killAndRemove();
    process.once('exit', server.atExit);
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('COFFER_'));
    const home = { HOME: server.home, XDG_CONFIG_HOME: join(server.home, 'config') };
    const log = join(server.home, 'log');
    const file = openSync(log, 'w');
    const flags = ['dev', '--data-dir', join(server.home, 'data'), '--listen', '127.0.0.1:0'];
    server.process = spawn(process.env.COFFER_BIN, flags, {
      env: { ...Object.fromEntries(others), ...home },
      stdio: ['ignore', file, file],
    });
    closeSync(file);
    const end = Date.now() + PATIENCE;
    while (!BANNER.test(readFileSync(log, 'utf8'))) {
      if (server.process.exitCode !== null || Date.now() > end) {
        throw new Error(`the server did not start:\n${readFileSync(log, 'utf8')}`);
      }
      await sleep(50);
    }
    [, server.base, server.link] = BANNER.exec(readFileSync(log, 'utf8'));
    return server;
  }

  /** One request to the API; answers the JSON of a success. */
  async api(key, method, path, params = {}, account) {
    const form = new URLSearchParams(params);
    const reads = method === 'GET';
    const headers = { Authorization: `Bearer ${key}` };
    if (account) headers['Stripe-Account'] = account;
    const target = reads && `${form}` ? `${path}?${form}` : path;
    const answer = await fetch(this.base + target, { method, headers, body: reads ? null : form });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
    return json;
  }

  /** Accounts, an app with keys and secrets, reserves, refusals: something on every page. */
  async fill() {
    const admin = (method, path, params) => this.api('ak_coffer_fill', method, path, params);
    const developer = await admin('POST', '/v1/admin/accounts', { name: 'Northwind Labs' });
    const app = await admin('POST', '/v1/admin/apps', {
      account: developer.id,
      name: 'Calendar sync',
    });
    const named = { app: app.id, mode: 'test', name: 'backend, Frankfurt' };
    const key = (await admin('POST', '/v1/admin/api_keys', named)).key;
    for (const name of ['Acme Bakery', 'Blue Door Books', 'Cedar & Sons', 'Dockside Coffee']) {
      const account = await admin('POST', '/v1/admin/accounts', { name });
      await admin('POST', '/v1/admin/installs', { app: app.id, account: account.id });
      this.account = account.id;
    }
    this.app = app.id;
    this.key = key;
    const own = (path, params) => this.api(key, 'POST', path, params, this.account);
    const now = Math.floor(Date.now() / 1000);
    const ends = { google_oauth: now + 9 * 86400, slack_webhook: now + 200 * 86400 };
    for (const name of ['google_oauth', 'slack_webhook', 'smtp_password', 'notion_token']) {
      const expiry = ends[name] ? { expires_at: ends[name] } : {};
      const secret = { name, payload: PAYLOAD, 'scope[type]': 'account', ...expiry };
      await own('/v1/apps/secrets', secret);
    }
    const find = { name: 'google_oauth', 'scope[type]': 'account' };
    for (let n = 0; n < 5; n += 1) {
      await this.api(key, 'GET', '/v1/apps/secrets/find', find, this.account);
    }
    const missing = { ...find, name: 'no_such_secret' };
    await this.api(key, 'GET', '/v1/apps/secrets/find', missing, this.account).catch(() => {});
    await own('/v1/reserve/plans', {
      percent: '10',
      type: 'rolling_release',
      'rolling_release[days_after_charge]': '90',
    });
    for (const [id, amount, currency] of [
      ['ch_1001', '1250000', 'eur'],
      ['ch_1002', '84000', 'eur'],
      ['ch_1003', '420000', 'usd'],
    ]) {
      await own('/v1/ledger/charges', { id, amount, currency, fee: '0' });
    }
    const holds = await this.api(key, 'GET', '/v1/reserve/holds', {}, this.account);
    this.hold = holds.data.at(-1).id;
    await own('/v1/reserve/releases', { reserve_hold: this.hold, amount: '40000' });
    // Nobody listens there, so the page of attempts has some that failed.
    const url = 'http://localhost:64999/hooks';
    const endpoint = { url, 'enabled_events[]': '*', description: 'the till in the hall' };
    this.endpoint = (await own('/v1/webhook_endpoints', endpoint)).id;
    await own(`/v1/webhook_endpoints/${this.endpoint}/test`, {});
    await own('/v1/reserve/releases', { reserve_hold: this.hold, amount: '10000' });
  }

  /** The query that names the app and the account which have something to show. */
  place(more = {}) {
    return new URLSearchParams({ app: this.app, account: this.account, ...more });
  }

  async stop() {
    process.off('exit', this.atExit);
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      const late = setTimeout(() => this.process.kill('SIGKILL'), PATIENCE);
      await ended;
      clearTimeout(late);
    }
    this.killAndRemove();
  }

  killAndRemove() {
    this.process?.kill('SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** The browser that `COFFER_CHROMIUM` names. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.COFFER_CHROMIUM,
    // Root has no sandbox of its own, and only pages of this test's own server are opened.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-prefers-reduced-motion'],
  });
}
