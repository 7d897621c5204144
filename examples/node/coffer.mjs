// A Coffer server for a test suite, for vitest. Copy it beside your tests. `coffer` must
// be on the PATH.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import Stripe from 'stripe';

/** How many variables the server prints. */
const VARIABLES = 9;

/** Starts a server, which ends with this process or by `stop`. */
export async function startCoffer() {
  const child = spawn('coffer',
    ['dev', '--port', '0', '--temporary', '--print-env', '--exit-with-parent',
      '--log-level', 'warn'],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const env = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [name, ...value] = line.split('=');
    env[name] = value.join('=');
    if (Object.keys(env).length === VARIABLES) break;
  }
  const stop = () => {
    child.kill();
    return ended;
  };
  /** The SDK's client, with the key of an app that is made on first use. */
  const client = (app) => new Stripe(`sk_test_${app}`, {
    protocol: 'http', host: env.STRIPE_HOST, port: env.STRIPE_PORT, maxNetworkRetries: 2,
  });
  return { env, client, stop };
}
