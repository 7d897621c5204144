// Every page of the dashboard, and how somebody comes to it.

import { PAYLOAD } from './server.js';

/** What is asked for by a form and answers no page of its own: it leads to one, or is a text. */
export const LEADS = [
  'GET /oidc/begin',
  'POST /accounts/create',
  'POST /apps/create',
  'POST /installs/create',
  'POST /installs/remove',
  'POST /keyring/rotate',
  'POST /keys/revoke',
  'POST /opening',
  'POST /secrets/delete',
  'POST /secrets/set',
  'POST /secrets/value',
  'POST /sign_out',
  'POST /theme',
  'POST /webhooks/change',
  'POST /webhooks/delete',
  'POST /webhooks/enable',
  'POST /webhooks/resend',
  'POST /webhooks/test',
];

/** What the dashboard serves, by its source: `GET /keys`, and so on. */
export function served(source) {
  const arms = (from, to) => {
    const lines = source.split(from)[1].split(to)[0].split('\n');
    const heads = lines.filter((line) => line.includes('=>')).map((line) => line.split('=>')[0]);
    return heads.flatMap((head) => {
      const sends = head.includes('(true,') || from.includes('fn post');
      const paths = [...head.matchAll(/"([^"]*)"/g)].map(([, path]) => path);
      return paths.map((path) => `${sends ? 'POST' : 'GET'} ${path}`);
    });
  };
  return [
    ...arms('match (sends, path) {', '_ => {}'),
    ...arms('async fn get(', 'async fn post('),
    ...arms('async fn post(', 'fn missing('),
  ];
}

/** A page by its address. */
function at(name, route, query = '', more = {}) {
  const mark = `${query}` ? '?' : '';
  const go = (page, server) => page.goto(`${server.base}/dashboard${route}${mark}${query}`);
  return { name, serves: `GET ${route}`, status: 200, go, ...more };
}

/** A page that answers a form, which is sent from the page `from`. */
function sent(name, route, from, fields, more = {}) {
  const go = async (page, server) => {
    const given = typeof fields === 'function' ? await fields() : fields;
    await page.goto(`${server.base}/dashboard${from}`);
    const answered = page.waitForNavigation();
    await page.evaluate(
      ([action, more]) => {
        const token = document.querySelector('input[name="form_token"]')?.value ?? '';
        const form = document.createElement('form');
        Object.assign(form, { method: 'post', action });
        for (const [name, value] of Object.entries({ form_token: token, ...more })) {
          const field = document.createElement('input');
          Object.assign(field, { type: 'hidden', name, value });
          form.append(field);
        }
        document.body.append(form);
        form.submit();
      },
      [`/dashboard${route}`, given],
    );
    return answered;
  };
  return { name, serves: `POST ${route}`, status: 200, go, ...more };
}

/** Pages of a server of developer mode, which has something on each. */
export function filled(server) {
  const place = server.place();
  const key = { type: 'secret', app: server.app, mode: 'test', name: 'made for a look' };
  const endpoint = { app: server.app, account: server.account };
  const nobody = { nobody: true };
  return [
    at('overview', ''),
    at('accounts', '/accounts'),
    at('account', '/account', `id=${server.account}`),
    at('apps', '/apps'),
    at('app', '/app', `id=${server.app}`),
    at('installs', '/installs'),
    at('secrets-choice', '/secrets'),
    at('secrets', '/secrets', place),
    at('secrets-user', '/secrets', server.place({ user: server.user })),
    at('secret', '/secret', server.place({ name: server.secret })),
    at('unused', '/unused', place),
    at('keys', '/keys'),
    at('key', '/key', `id=${server.keyId}`),
    at('audit', '/audit'),
    at('audit-refused', '/audit', 'outcome=refused'),
    at('audit-followed', '/audit', 'follow=true'),
    at('audit-none', '/audit', 'operation=no.such.operation'),
    at('request', '/request'),
    at('request-explained', '/request', `id=${server.refused}`),
    at('keyring', '/keyring'),
    at('reserves', '/reserves', place),
    at('hold', '/hold', server.place({ id: server.hold })),
    at('story', '/story', server.place({ of: 'hold', id: server.hold })),
    at('exposure', '/exposure', place),
    at('exposure-choice', '/exposure'),
    at('simulate', '/simulate', server.place({ percent: 25, days: 30 })),
    at('events', '/events', place),
    at('webhooks-choice', '/webhooks'),
    at('webhooks', '/webhooks', place),
    at('webhook', '/webhook', server.place({ id: server.endpoint })),
    at('settings', '/settings'),
    at('search', '/search', 'q=sync'),
    at('search-none', '/search', 'q=nothing+is+called+so'),
    sent('key-made', '/keys/create', '/keys', key),
    // A key is rolled once.
    sent('key-rolled', '/keys/roll', '/keys', async () => ({
      id: await server.newKey(),
      expires_in: '86400',
    })),
    sent('webhook-made', '/webhooks/create', `/webhooks?${place}`, {
      ...endpoint,
      url: 'http://localhost:64997/made-for-a-look',
      events: '*',
    }),
    sent('webhook-rolled', '/webhooks/roll', `/webhooks?${place}`, {
      ...endpoint,
      id: server.endpoint,
      expires_in: '3600',
    }),
    sent(
      'secret-revealed',
      '/secrets/reveal',
      `/secrets?${place}`,
      { ...endpoint, name: server.secret, back: '/dashboard/secrets' },
      { shows: PAYLOAD },
    ),
    at('no-such-page', '/no_such_page', '', { status: 404 }),
    at('no-such-account', '/account', 'id=acct_none', { status: 404 }),
    sent('form-refused', '/theme', '/keys', { form_token: 'forged' }, { status: 403 }),
    sent('form-wrong', '/accounts/create', '/accounts', { id: 'no id' }, { status: 400 }),
    at('sign-in-developer', '/keys', '', nobody),
    at('link-used', '/open', 'code=used', { ...nobody, status: 403 }),
    at('session-not-kept', '/keys', 'signed_in=true', nobody),
  ];
}

/** Pages of a server of production on which nothing is yet, and whose people sign in elsewhere. */
export function empty(provider) {
  const place = new URLSearchParams({ app: 'app_none', account: 'acct_none' });
  const nobody = { nobody: true };
  const elsewhere = (name, groups) => ({
    ...at(name, '/oidc/begin', '', { ...nobody, status: 403, serves: 'GET /oidc/return' }),
    go: (page, server) => {
      provider.groups = groups;
      return page.goto(`${server.base}/dashboard/oidc/begin`);
    },
  });
  return [
    ...['accounts', 'apps', 'audit', 'events', 'exposure', 'installs', 'keyring', 'keys'],
    ...['reserves', 'secrets', 'settings', 'simulate', 'unused', 'webhooks'],
  ]
    .map((path) => at(`empty-${path}`, `/${path}`))
    .concat([
      at('empty-overview', ''),
      at('closed-secrets', '/secrets', place),
      at('closed-secret', '/secret', `${place}&name=none`),
      at('closed-reserves', '/reserves', place),
      at('closed-hold', '/hold', `${place}&id=none`),
      at('closed-events', '/events', place),
      at('closed-webhooks', '/webhooks', place),
      at('closed-webhook', '/webhook', `${place}&id=none`),
      at('sign-in', '/keys', '', nobody),
      sent('sign-in-refused', '/sign_in', '', { key: 'ak_coffer_guessed' }, {
        ...nobody,
        status: 403,
      }),
      elsewhere('oidc-no-role', ['staff']),
      elsewhere('oidc-turned-away', null),
      at('oidc-not-begun', '/oidc/return', 'code=x&state=y', { ...nobody, status: 403 }),
    ]);
}
