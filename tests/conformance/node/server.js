// Starts and stops the server, and sets up apps, accounts and keys on it.

import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Stripe from 'stripe';

// Where the server says that it listens; there is more text behind it.
const LISTENS = /127\.0\.0\.1:(\d+)\D/;
// How long the server may take to start or to stop, in milliseconds, on a machine that is busy with
// other work.
const PATIENCE = 300_000;

/** A server with a data directory of its own; `developer` starts `coffer dev` instead, and `flags`
 * are more arguments. */
export class Server {
  static async start({ developer = false, flags = [] } = {}) {
    const server = new Server();
    server.home = mkdtempSync(join(tmpdir(), 'coffer-conformance-'));
    // Whatever happens, nothing stays behind.
    server.atExit = () => server.killAndRemove();
    process.once('exit', server.atExit);
    try {
      await server.run(developer, flags);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async run(developer, flags) {
    const binary = process.env.COFFER_BIN;
    if (!binary) throw new Error('COFFER_BIN does not say where the binary is');
    const data = join(this.home, 'data');
    // The settings of whoever runs the tests are not this server's.
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('COFFER_'));
    const home = { HOME: this.home, XDG_CONFIG_HOME: join(this.home, 'config') };
    const env = { ...Object.fromEntries(others), ...home };
    if (!developer) {
      const init = ['init', '--data-dir', data, '--app', 'conformance', '--format', 'json'];
      const stdio = ['ignore', 'pipe', 'inherit'];
      this.founded = JSON.parse(execFileSync(binary, init, { env, stdio }));
    }
    const log = join(this.home, 'log');
    const file = openSync(log, 'w');
    const listen = ['--data-dir', data, '--listen', '127.0.0.1:0', ...flags];
    const stdio = ['ignore', file, file];
    this.process = spawn(binary, [developer ? 'dev' : 'serve', ...listen], { env, stdio });
    closeSync(file);
    const end = Date.now() + PATIENCE;
    // The server says which port it was given.
    while (!LISTENS.test(readFileSync(log, 'utf8'))) {
      if (this.process.exitCode !== null || Date.now() > end) {
        throw new Error(`the server did not start:\n${readFileSync(log, 'utf8')}`);
      }
      await sleep(50);
    }
    this.port = Number(LISTENS.exec(readFileSync(log, 'utf8'))[1]);
  }

  /** Everything that the server has printed and logged. */
  said() {
    return readFileSync(join(this.home, 'log'), 'utf8');
  }

  /** The SDK, pointed at this server or at what stands before it. */
  client(key, { port = this.port, ...options } = {}) {
    return new Stripe(key, { host: '127.0.0.1', port, protocol: 'http', ...options });
  }

  /** A POST to the admin API, which the SDK makes as a raw request. */
  admin(path, params) {
    return this.client(this.founded.admin_key).rawRequest('POST', path, params);
  }

  /** A new app: nothing that another test does can be seen in it. */
  async app(params = {}) {
    const account = await this.admin('/v1/admin/accounts', { name: 'Developer' });
    const named = { account: account.id, name: 'App', ...params };
    const { id } = await this.admin('/v1/admin/apps', named);
    const app = { id, account: account.id };
    app.key = async (more) => (await this.admin('/v1/admin/api_keys', { app: id, ...more })).key;
    app.testKey = await app.key({ mode: 'test' });
    app.client = (options) => this.client(app.testKey, options);
    app.install = async () => {
      const merchant = await this.admin('/v1/admin/accounts', { name: 'Merchant' });
      await this.admin('/v1/admin/installs', { app: id, account: merchant.id });
      return merchant.id;
    };
    return app;
  }

  /** Stops the server and removes what it has written. */
  async stop() {
    process.off('exit', this.atExit);
    if (this.process && this.process.exitCode === null && this.process.signalCode === null) {
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
