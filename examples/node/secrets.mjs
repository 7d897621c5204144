// Keeps a secret for an account that has installed the app, and reads it back.
//   coffer dev -- node examples/node/secrets.mjs
import Stripe from 'stripe';

const { STRIPE_API_KEY, STRIPE_PROTOCOL, STRIPE_HOST, STRIPE_PORT } = process.env;
const stripe = new Stripe(STRIPE_API_KEY, {
  protocol: STRIPE_PROTOCOL, host: STRIPE_HOST, port: STRIPE_PORT, maxNetworkRetries: 2,
});
const acme = { stripeAccount: 'acct_acme' };
const scope = { type: 'account' };

await stripe.apps.secrets.create({ name: 'oauth', payload: 'xoxb-1', scope }, acme);
const found = await stripe.apps.secrets.find(
  { name: 'oauth', scope, expand: ['payload'] }, acme);
console.log(found.payload);
for await (const secret of stripe.apps.secrets.list({ scope }, acme)) console.log(secret.name);
