// A proxy that makes trouble between the SDK and the server, one planned step for each request.

import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/** Hands the request on, waits for the answer, and hangs up without it. */
export const LOSE_THE_ANSWER = 'lose the answer';
/** The same, but the connection is reset. */
export const RESET = 'reset';
/** Answers itself with such a status and `Stripe-Should-Retry: true`. */
export const CONFLICT = 409;
export const UNAVAILABLE = 503;

/** Follows `plan`, then forwards; `seen` has the headers of every request. */
export async function startProxy(serverPort, plan) {
  const seen = [];
  const steps = [...plan];
  const server = createServer(async (incoming, outgoing) => {
    try {
      const body = await buffer(incoming);
      seen.push(incoming.headers);
      const step = steps.shift();
      outgoing.setHeader('Connection', 'close');
      if (step === CONFLICT || step === UNAVAILABLE) {
        const error = { type: 'api_error', message: 'Try again.' };
        outgoing.writeHead(step, { 'Stripe-Should-Retry': 'true' });
        outgoing.end(JSON.stringify({ error }));
        return;
      }
      const answer = await forward(serverPort, incoming, body);
      if (step === LOSE_THE_ANSWER) {
        incoming.socket.end();
      } else if (step === RESET) {
        incoming.socket.resetAndDestroy();
      } else {
        outgoing.writeHead(answer.status, answer.headers);
        outgoing.end(answer.body);
      }
    } catch {
      // The caller sees a lost connection, and its test fails.
      incoming.socket.destroy();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { port: server.address().port, seen, stop };
}

async function forward(port, { method, url, headers }, body) {
  const sent = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false });
  sent.end(body);
  const [response] = await once(sent, 'response');
  const { connection, ...rest } = response.headers;
  return { status: response.statusCode, headers: rest, body: await buffer(response) };
}
