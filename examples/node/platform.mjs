// A platform that holds back a share of what its sellers earn, and hears when it comes free.
//
// It tells Coffer of the charges that its processor reports, and pays a seller what is available. A
// webhook tells it of each release, which it believes only with Coffer's signature.
// platform.test.mjs runs it:
//   STRIPE_WEBHOOK_SECRET=whsec_… PORT=3000 coffer dev -- node examples/node/platform.mjs
import http from 'node:http';
import { pathToFileURL } from 'node:url';
import Stripe from 'stripe';

/** The most that a webhook's body may have. */
const BODY_BYTES = 1 << 20;

export class Platform {
  constructor(stripe) {
    this.stripe = stripe;
    /** What came free, by seller. A real platform has this in its database, and `seen` with it. */
    this.released = new Map();
    this.seen = new Set();
  }

  /** Has releases sent to `url`. The answer's `secret` is shown once; keep it. */
  listen(url) {
    const enabled_events = ['reserve.release.created'];
    return this.stripe.webhookEndpoints.create({ url, enabled_events, connect: true });
  }

  /** Holds `percent` of each later charge of the seller for `days` days. */
  reserve(seller, percent, days) {
    const plan = {
      percent, type: 'rolling_release', rolling_release: { days_after_charge: days },
    };
    return this.stripe.rawRequest('POST', '/v1/reserve/plans', plan, { stripeAccount: seller });
  }

  /** Tells of a charge. Telling it again, after a crash for example, changes nothing. */
  charge(seller, { id, amount, currency, fee }) {
    const charge = { id, amount, currency, fee };
    return this.stripe.rawRequest(
      'POST', '/v1/ledger/charges', charge, { stripeAccount: seller });
  }

  /** Asks whether the seller may be paid this much, which takes it from what is available. */
  payout(seller, { id, amount, currency }) {
    const payout = { id, amount, currency };
    return this.stripe.rawRequest(
      'POST', '/v1/ledger/payouts', payout, { stripeAccount: seller });
  }

  /** What a webhook tells. Events may come twice, and in any order. */
  handle(event) {
    if (event.type !== 'reserve.release.created' || this.seen.has(event.id)) return;
    const { amount, currency } = event.data.object;
    const free = this.released.get(event.account) ?? {};
    this.released.set(event.account, { ...free, [currency]: (free[currency] ?? 0) + amount });
    this.seen.add(event.id);
  }

  /** A server for webhooks that are signed with `secret()`. */
  receiver(secret) {
    return http.createServer(async (request, response) => {
      try {
        // The bytes as they came: a text that was parsed and written anew has another signature.
        const body = await read(request);
        const signature = request.headers['stripe-signature'];
        this.handle(this.stripe.webhooks.constructEvent(body, signature, secret()));
        response.writeHead(200);
      } catch (error) {
        const forged = error instanceof Stripe.errors.StripeSignatureVerificationError;
        response.writeHead(forged ? 400 : 500);
      }
      response.end();
    });
  }
}

async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BODY_BYTES) throw new Error('the body is too long');
  }
  return Buffer.concat(chunks);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { STRIPE_API_KEY, STRIPE_PROTOCOL, STRIPE_HOST, STRIPE_PORT } = process.env;
  const stripe = new Stripe(STRIPE_API_KEY, {
    protocol: STRIPE_PROTOCOL, host: STRIPE_HOST, port: STRIPE_PORT, maxNetworkRetries: 2,
  });
  new Platform(stripe).receiver(() => process.env.STRIPE_WEBHOOK_SECRET)
    .listen(process.env.PORT ?? 3000, '127.0.0.1');
}
