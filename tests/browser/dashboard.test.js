// The dashboard in a real browser: every flow, and what no page may have.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PAYLOAD, Server, launch } from './server.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = process.env.COFFER_SHOTS;
const WIDTHS = { wide: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };

let server;
let browser;
let state;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  server = await Server.start();
  await server.fill();
  browser = await launch();
  const context = await browser.newContext();
  const page = await context.newPage();
  await server.signIn(page);
  state = await context.storageState();
  await context.close();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page of somebody who is signed in, which notes what the browser complains of. */
async function open(options = {}) {
  const context = await browser.newContext({ storageState: state, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    page.complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return page;
}

async function go(page, path) {
  const answer = await page.goto(`${server.base}/dashboard${path}`);
  assert.ok(answer.status() < 400, `${path}: ${answer.status()}`);
}

test('the documents are readable without a session, and load nothing from elsewhere', async () => {
  const context = await browser.newContext({ viewport: WIDTHS.phone });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(server.base)) complaints.push(request.url());
  });
  for (const path of ['', '/concepts', '/howto/tls', '/search?q=rotate+keys', '/api']) {
    const answer = await page.goto(`${server.base}/docs${path}`);
    assert.equal(answer.status(), 200, path);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run());
    const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    assert.deepEqual(serious.map(({ id, nodes }) => [path, id, nodes[0].html]), []);
    const { scroll, client } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      client: document.documentElement.clientWidth,
    }));
    assert.ok(scroll <= client, `${path} scrolls sideways, ${scroll} > ${client}`);
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

describe('a secret', () => {
  test('is revealed on a click, hides again, and is in no history', async () => {
    const page = await open();
    await go(page, `/secrets?${server.place()}`);
    const row = page.getByRole('row', { name: /google_oauth/ });
    await row.getByRole('button', { name: 'Reveal google_oauth' }).click();
    await page.getByText(PAYLOAD).waitFor();
    await page.screenshot({ path: join(SHOTS, 'secrets-revealed.png') });
    await row.getByRole('button', { name: 'Reveal google_oauth' }).click();
    await page.getByText(PAYLOAD).waitFor({ state: 'detached' });

    await row.getByRole('button', { name: 'Reveal google_oauth' }).click();
    await page.getByText(PAYLOAD).waitFor();
    await go(page, '/accounts');
    await page.goBack();
    await page.getByRole('row', { name: /google_oauth/ }).waitFor();
    assert.ok(!(await page.content()).includes(PAYLOAD), 'the page came back with its value');
    const kept = await page.evaluate(async () => ({
      caches: 'caches' in window ? await caches.keys() : [],
      local: Object.keys(localStorage),
      session: Object.keys(sessionStorage),
    }));
    assert.deepEqual(kept, { caches: [], local: [], session: [] });
    await page.context().close();
  });

  test('hides by itself', async () => {
    const page = await open();
    await page.clock.install();
    await go(page, `/secrets?${server.place()}`);
    await page.getByRole('button', { name: 'Reveal smtp_password' }).click();
    await page.getByText(PAYLOAD).waitFor();
    await page.clock.fastForward(21_000);
    await page.getByText(PAYLOAD).waitFor({ state: 'detached' });
    await page.context().close();
  });

  test('is copied without being shown', async () => {
    const permissions = ['clipboard-read', 'clipboard-write'];
    const page = await open({ permissions });
    await go(page, `/secrets?${server.place()}`);
    await page.getByRole('button', { name: /Copy the value of notion_token/ }).click();
    await page.getByText('Copied').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), PAYLOAD);
    assert.ok(!(await page.content()).includes(PAYLOAD));
    await page.context().close();
  });

  test('is made, replaced, and deleted unless somebody undoes it', async () => {
    const page = await open();
    await page.clock.install();
    await go(page, `/secrets?${server.place()}`);
    await page.getByText('New secret').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('made_here');
    await page.getByRole('textbox', { name: 'Value' }).fill('one\ntwo');
    await page.getByLabel('It ends').first().selectOption('in a day');
    await page.screenshot({ path: join(SHOTS, 'secret-new.png') });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('made_here is saved.').waitFor();
    const row = page.getByRole('row', { name: /made_here/ });
    const remove = async () => {
      await row.getByText('Delete…').click();
      await row.getByRole('button', { name: 'Delete' }).click();
      await page.getByText('made_here is deleted in 10 s').waitFor();
    };
    await remove();
    await page.screenshot({ path: join(SHOTS, 'secret-undo.png') });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.clock.runFor(12_000);
    await row.waitFor();
    await remove();
    await page.clock.runFor(12_000);
    await page.getByText('made_here is deleted.').waitFor();
    assert.equal(await row.count(), 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
});

test('two secrets that are deleted within ten seconds are both gone', async () => {
  const names = ['goes_first', 'goes_second', 'stays'];
  for (const name of names) {
    const secret = { name, payload: 'x', 'scope[type]': 'account' };
    await server.api(server.key, 'POST', '/v1/apps/secrets', secret, server.account);
  }
  const page = await open();
  await page.clock.install();
  await go(page, `/secrets?${server.place()}`);
  const remove = async (name) => {
    const row = page.getByRole('row', { name: new RegExp(name) });
    await row.getByText('Delete…').click();
    await row.getByRole('button', { name: 'Delete' }).click();
    await page.getByText(`${name} is deleted in 10 s`).waitFor();
  };
  await remove('goes_first');
  await page.clock.runFor(4_000);
  await remove('goes_second');
  await page.clock.runFor(7_000);
  await page.getByRole('row', { name: /goes_first/ }).waitFor({ state: 'detached' });
  await page.getByText('goes_second is deleted in 3 s').waitFor();
  await page.clock.runFor(5_000);
  await page.getByText('goes_second is deleted.').waitFor();
  const left = await page.locator('a.name').allTextContents();
  assert.deepEqual(left.filter((name) => names.includes(name)), ['stays']);
  assert.deepEqual(page.complaints, []);
  const remaining = { name: 'stays', 'scope[type]': 'account' };
  await server.api(server.key, 'POST', '/v1/apps/secrets/delete', remaining, server.account);
  await page.context().close();
});

test('a key is made, shown once, rolled and revoked', async () => {
  const page = await open();
  await go(page, `/app?id=${server.app}`);
  await page.getByText('New key').click();
  await page.getByRole('textbox', { name: 'Name' }).fill('from the browser');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Copy the key now.').waitFor();
  await page.screenshot({ path: join(SHOTS, 'key-once.png') });
  const token = await page.locator('.once code').textContent();
  assert.match(token, /^sk_test_coffer_/);
  await page.locator('.facts a.id').first().click();
  await page.getByRole('heading', { name: 'from the browser' }).waitFor();
  assert.ok(!(await page.content()).includes(token));
  await page.getByText('Revoke…').click();
  await page.screenshot({ path: join(SHOTS, 'key-revoke.png') });
  await page.getByRole('button', { name: 'Revoke for good' }).click();
  await page.getByText('is revoked.').waitFor();
  await page.context().close();
});

test('the keyboard searches, goes and tells', async () => {
  const page = await open();
  await go(page, '/accounts');
  await page.keyboard.press('/');
  await page.keyboard.type('Calendar');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Search for “Calendar”' }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.screenshot({ path: join(SHOTS, 'keys-dialog.png') });
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.context().close();
});

test('letters that are written into a field go nowhere', async () => {
  const page = await open();
  const path = `/secrets?${server.place()}`;
  await go(page, path);
  await page.getByText('New secret').click();
  const letters = 'g s / ? g a';
  await page.getByLabel('It ends').first().focus();
  for (const letter of letters.replaceAll(' ', '')) await page.keyboard.press(letter);
  for (const field of [
    page.getByRole('textbox', { name: 'Name' }),
    page.getByRole('textbox', { name: 'Value' }),
    page.locator('#search'),
  ]) {
    await field.click();
    await page.keyboard.type(letters);
    assert.equal(await field.inputValue(), letters);
  }
  assert.equal(page.url(), `${server.base}/dashboard${path}`);
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.context().close();
});

test('a form that is sent by two clicks is carried out once, and shows what it made', async () => {
  const page = await open();
  await go(page, `/app?id=${server.app}`);
  await page.getByText('New key').click();
  await page.getByRole('textbox', { name: 'Name' }).fill('clicked twice');
  await page.getByRole('button', { name: 'Create' }).dblclick();
  await page.getByText('Copy the key now.').waitFor();
  await go(page, `/keys?q=clicked+twice`);
  assert.equal(await page.getByRole('row', { name: /clicked twice/ }).count(), 1);
  await page.context().close();
});

test('colours are chosen and kept', async () => {
  const page = await open({ colorScheme: 'light' });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await go(page, '/accounts');
  const light = await background();
  await page.locator('details.person summary').click();
  await page.getByRole('button', { name: 'dark' }).click();
  await page.getByRole('heading', { name: 'Accounts' }).waitFor();
  assert.notEqual(await background(), light);
  await go(page, '/apps');
  assert.notEqual(await background(), light);
  await page.context().close();
});

test('all of it works without a script', async () => {
  const page = await open({ javaScriptEnabled: false });
  await go(page, `/secrets?${server.place()}`);
  await page.getByRole('button', { name: 'Reveal slack_webhook' }).click();
  await page.getByText(PAYLOAD).waitFor();
  await page.getByRole('link', { name: 'Hide' }).click();
  await page.getByRole('row', { name: /slack_webhook/ }).waitFor();
  await page.locator('details.guarded summary', { hasText: 'New secret' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('without_script');
  await page.getByRole('textbox', { name: 'Value' }).fill('x');
  await page.getByRole('button', { name: 'Save' }).click();
  const row = page.getByRole('row', { name: /without_script/ });
  await row.waitFor();
  await row.getByText('Delete…').click();
  await row.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('without_script is deleted.').waitFor();
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByLabel('Outcome').selectOption('refused');
  await page.getByRole('button', { name: 'Filter' }).click();
  assert.match(page.url(), /outcome=refused/);
  await page.context().close();
});

test('another site can neither frame a page nor send a form', async () => {
  const page = await open();
  const evil = await page.context().newPage();
  // A page of another origin, whatever it is.
  await evil.route('http://evil.example/', (route) => {
    route.fulfill({
      contentType: 'text/html',
      body: `<iframe src="${server.base}/dashboard/accounts"></iframe>
        <form method="post" action="${server.base}/dashboard/accounts/create">
        <input name="name" value="forged"><button>Send</button></form>`,
    });
  });
  await evil.goto('http://evil.example/');
  const frame = evil.frames().at(-1);
  assert.ok(!(await frame.content()).includes('Acme'), 'it was framed');
  await Promise.all([evil.waitForNavigation(), evil.getByRole('button').click()]);
  await go(page, '/accounts');
  assert.ok(!(await page.content()).includes('forged'));
  await page.context().close();
});

test('odd names are text in a real browser too', async () => {
  const odd = '"><img src=x onerror=alert(1)><script>alert(1)</script>';
  const admin = (path, params) => server.api('ak_coffer_fill', 'POST', path, params);
  const account = await admin('/v1/admin/accounts', { name: odd });
  const params = { name: odd, payload: odd, 'scope[type]': 'account' };
  await server.api(server.key, 'POST', '/v1/apps/secrets', params, server.account);
  const page = await open();
  const query = new URLSearchParams({ name: odd });
  for (const path of [
    '/accounts',
    `/account?id=${account.id}`,
    `/search?q=${encodeURIComponent(odd)}`,
    `/secrets?${server.place()}`,
    `/secret?${server.place()}&${query}`,
  ]) {
    await go(page, path);
    assert.ok((await page.locator('main').textContent()).includes(odd), path);
    assert.equal(await page.locator('img').count(), 0, path);
  }
  assert.deepEqual(page.complaints, []);
  const remove = { name: odd, 'scope[type]': 'account' };
  await server.api(server.key, 'POST', '/v1/apps/secrets/delete', remove, server.account);
  await page.context().close();
});

test('the last hour is plotted, with the numbers behind it', async () => {
  const page = await open({ viewport: WIDTHS.wide });
  await go(page, '');
  // Requests are counted every half minute.
  for (let n = 0; n < 90 && (await page.locator('.plot rect.answered').count()) === 0; n += 1) {
    await page.waitForTimeout(1000);
    await page.reload();
  }
  await page.screenshot({ path: join(SHOTS, 'overview-plot.png'), fullPage: true });
  const plots = page.locator('figure.plot');
  assert.equal(await plots.count(), 3);
  for (const plot of await plots.all()) {
    await plot.getByText('The numbers').click();
    await plot.locator('td').first().waitFor();
  }
  await page.context().close();
});

test('an endpoint is made, shows its attempts and sends an event again', async () => {
  const page = await open();
  await go(page, `/webhooks?${server.place()}`);
  await page.getByText('New endpoint').click();
  await page.getByRole('textbox', { name: 'URL' }).fill('http://localhost:64998/made-here');
  await page.screenshot({ path: join(SHOTS, 'webhook-new.png') });
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Copy the secret now.').waitFor();
  assert.match(await page.locator('.once code').textContent(), /^whsec_/);
  await page.getByRole('link', { name: 'To the endpoint' }).click();
  await page.getByRole('heading', { name: 'http://localhost:64998/made-here' }).waitFor();
  await page.getByRole('button', { name: 'Send a test event' }).click();
  await page.getByText('A test event is on its way.').waitFor();
  await page.getByRole('link', { name: 'Follow' }).click();
  await page.getByText('failed').first().waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByText('The endpoint is disabled').waitFor();
  await page.getByText('Delete…').click();
  await page.getByRole('button', { name: 'Delete for good' }).click();
  await page.getByText('The endpoint is deleted.').waitFor();
  await go(page, `/webhook?${server.place({ id: server.endpoint })}`);
  const before = await page.locator('tbody tr').count();
  await page.getByRole('button', { name: /Resend evt_/ }).first().click();
  await page.getByText('is sent again.').waitFor();
  assert.ok((await page.locator('tbody tr').count()) >= before);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a followed page shows what comes, with the script and without it', async () => {
  const page = await open();
  await go(page, '/audit?follow=true&outcome=refused');
  const missing = { name: 'comes_while_followed', 'scope[type]': 'account' };
  const find = () =>
    server.api(server.key, 'GET', '/v1/apps/secrets/find', missing, server.account);
  const before = await page.locator('tbody tr').count();
  await find().catch(() => {});
  const fresh = page.locator('tr.is-new');
  await fresh.first().waitFor({ timeout: 60_000 });
  assert.ok((await page.locator('tbody tr').count()) > before);
  await page.getByText('Following, looked at').waitFor();
  await page.screenshot({ path: join(SHOTS, 'audit-comes.png') });
  await page.getByRole('link', { name: 'Stop following' }).click();
  await page.getByRole('link', { name: 'Follow', exact: true }).waitFor();
  assert.match(page.url(), /audit\?outcome=refused$/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();

  const without = await open({ javaScriptEnabled: false });
  await go(without, '/audit?follow=true&outcome=refused');
  await Promise.all([without.waitForNavigation({ timeout: 60_000 }), find().catch(() => {})]);
  await without.getByRole('link', { name: 'Stop following' }).waitFor();
  await without.context().close();
});

test('signing out ends the session, and the key signs in again', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  // Somebody has planted a session's id of their own choice.
  const at = { domain: new URL(server.base).hostname, path: '/dashboard' };
  await context.addCookies([{ name: 'coffer_dashboard', value: 'planted', ...at }]);
  await page.goto(`${server.base}/dashboard/keys`);
  await page.getByLabel('Admin key').fill('ak_coffer_browser');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'API keys' }).waitFor();
  const cookies = await context.cookies(`${server.base}/dashboard`);
  const session = cookies.find(({ name }) => name === 'coffer_dashboard');
  assert.deepEqual(
    [session.httpOnly, session.sameSite, session.path],
    [true, 'Strict', '/dashboard'],
  );
  assert.notEqual(session.value, 'planted');
  assert.equal(await page.evaluate(() => document.cookie), '');
  await page.goto(`${server.base}/dashboard/secrets?${server.place()}`);
  await page.getByText('google_oauth').first().waitFor();
  await page.locator('details.person summary').click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByLabel('Admin key').waitFor();
  // Neither a cache nor the way back has what was shown before.
  await page.goBack();
  await page.getByLabel('Admin key').waitFor();
  assert.ok(!(await page.content()).includes('google_oauth'), 'it is still shown');
  await context.addCookies([session]);
  await page.goto(`${server.base}/dashboard/keys`);
  await page.getByLabel('Admin key').waitFor();
  await context.close();
});
