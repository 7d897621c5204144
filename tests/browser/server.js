// A server of developer mode with something to look at, and a browser.

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

// What the banner says: where the API is, and the link that signs one browser in.
const BANNER = /API {3}(http:\S+)[^]*?(http:\S+\/dashboard\/open\S+)/;
// Where a server of production is, by the line of its log.
const SERVING = /"address":"([^"]+)"/;
// How long anything may take on a machine that is busy with other work, in milliseconds.
const PATIENCE = 300_000;

/** A payload that no page may have unless it was revealed. */
export const PAYLOAD = 'hunter2-hunter2';

/** A server with a data directory of its own. */
export class Server {
  static async start() {
    const server = new Server();
    [, server.base, server.link] = await server.run(['dev', '--listen', '127.0.0.1:0'], BANNER);
    return server;
  }

  /** A server as in production, on which nothing is but an admin key. */
  static async production(settings) {
    const server = new Server(settings);
    server.adminKey = JSON.parse(server.coffer(['init', '--format', 'json'])).admin_key;
    const [, address] = await server.run(['serve', '--listen', '127.0.0.1:0'], SERVING);
    server.base = `http://${address}`;
    return server;
  }

  constructor(settings = {}) {
    this.home = mkdtempSync(join(tmpdir(), 'coffer-browser-'));
    this.atExit = () => this.killAndRemove();
    process.once('exit', this.atExit);
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('COFFER_'));
    const at = (name) => join(this.home, name);
    const home = { HOME: this.home, XDG_CONFIG_HOME: at('config'), COFFER_DATA_DIR: at('data') };
    this.env = { ...Object.fromEntries(others), ...home, ...settings };
  }

  /** Starts it, and answers what `says` finds in what it says. */
  async run(words, says) {
    const log = join(this.home, 'log');
    const file = openSync(log, 'w');
    const stdio = ['ignore', file, file];
    this.process = spawn(process.env.COFFER_BIN, words, { env: this.env, stdio });
    closeSync(file);
    const end = Date.now() + PATIENCE;
    for (;;) {
      const said = readFileSync(log, 'utf8');
      const found = says.exec(said);
      if (found) return found;
      if (this.process.exitCode !== null || Date.now() > end) {
        throw new Error(`the server did not start:\n${said}`);
      }
      await sleep(50);
    }
  }

  /** What a verb prints that is called beside the server, on its store. */
  coffer(words) {
    const options = { env: this.env, encoding: 'utf8' };
    const made = spawnSync(process.env.COFFER_BIN, words, options);
    if (made.status !== 0) throw new Error(`coffer ${words.join(' ')}: ${made.stderr}`);
    return made.stdout;
  }

  /** Signs a browser in, by the link of developer mode or with the admin key. */
  async signIn(page) {
    if (this.link) {
      await page.goto(this.link);
    } else {
      await page.goto(`${this.base}/dashboard`);
      await page.getByLabel('Admin key').fill(this.adminKey);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    }
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  }

  /** One request to the API. */
  send(key, method, path, params, account) {
    const form = new URLSearchParams(params);
    const reads = method === 'GET';
    const headers = { Authorization: `Bearer ${key}` };
    if (account) headers['Stripe-Account'] = account;
    const target = reads && `${form}` ? `${path}?${form}` : path;
    return fetch(this.base + target, { method, headers, body: reads ? null : form });
  }

  /** The same; answers the JSON of a success. */
  async api(key, method, path, params = {}, account) {
    const answer = await this.send(key, method, path, params, account);
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
    return json;
  }

  /**
   * Accounts, an app with keys and secrets, reserves, refusals: something on every page. Everything
   * can be given an odd name, and a long one.
   */
  async fill({ odd = '', long = '' } = {}) {
    // Odd names are alike but for their numbers.
    const named = (name, n = '') => (odd ? `${odd}${n}${long}` : name);
    const admin = (method, path, params) => this.api('ak_coffer_fill', method, path, params);
    const developer = await admin('POST', '/v1/admin/accounts', { name: named('Northwind Labs') });
    const app = await admin('POST', '/v1/admin/apps', {
      account: developer.id,
      name: named('Calendar sync'),
    });
    const backend = { app: app.id, mode: 'test', name: named('backend, Frankfurt') };
    const key = await admin('POST', '/v1/admin/api_keys', backend);
    for (const name of ['Acme Bakery', 'Blue Door Books', 'Cedar & Sons', 'Dockside Coffee']) {
      const account = await admin('POST', '/v1/admin/accounts', { name: named(name) });
      await admin('POST', '/v1/admin/installs', { app: app.id, account: account.id });
      this.account = account.id;
    }
    this.app = app.id;
    this.key = key.key;
    // One that nobody calls with, to be looked at.
    this.keyId = (await admin('POST', '/v1/admin/api_keys', backend)).id;
    const own = (path, params) => this.api(this.key, 'POST', path, params, this.account);
    this.secret = named('google_oauth');
    this.user = named('usr_7');
    await this.keep(own, named);
    const find = { name: this.secret, 'scope[type]': 'account' };
    for (let n = 0; n < 5; n += 1) {
      await this.api(this.key, 'GET', '/v1/apps/secrets/find', find, this.account);
    }
    const missing = { ...find, name: 'no_such_secret' };
    const path = '/v1/apps/secrets/find';
    const refused = await this.send(this.key, 'GET', path, missing, this.account);
    this.refused = refused.headers.get('request-id');
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
    const holds = await this.api(this.key, 'GET', '/v1/reserve/holds', {}, this.account);
    this.hold = holds.data.at(-1).id;
    await own('/v1/reserve/releases', { reserve_hold: this.hold, amount: '40000' });
    // Nobody listens there, so the page of attempts has some that failed.
    const url = 'http://localhost:64999/hooks';
    const description = named('the till in the hall');
    const endpoint = { url, 'enabled_events[]': '*', description };
    this.endpoint = (await own('/v1/webhook_endpoints', endpoint)).id;
    await own(`/v1/webhook_endpoints/${this.endpoint}/test`, {});
    await own('/v1/reserve/releases', { reserve_hold: this.hold, amount: '10000' });
  }

  /** Secrets of the account, two of which end, and one of a user. */
  async keep(own, named) {
    const now = Math.floor(Date.now() / 1000);
    const ends = { google_oauth: now + 9 * 86400, slack_webhook: now + 200 * 86400 };
    const names = ['google_oauth', 'slack_webhook', 'smtp_password', 'notion_token'];
    for (const [n, name] of names.entries()) {
      const expiry = ends[name] ? { expires_at: ends[name] } : {};
      const secret = { name: n === 0 ? this.secret : named(name, n), payload: PAYLOAD };
      await own('/v1/apps/secrets', { ...secret, 'scope[type]': 'account', ...expiry });
    }
    const of = { 'scope[type]': 'user', 'scope[user]': this.user };
    await own('/v1/apps/secrets', { name: named('refresh_token'), payload: PAYLOAD, ...of });
  }

  /** The id of a key that nobody has rolled. */
  async newKey() {
    const fields = { app: this.app, mode: 'test', name: 'to be rolled' };
    return (await this.api('ak_coffer_fill', 'POST', '/v1/admin/api_keys', fields)).id;
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
