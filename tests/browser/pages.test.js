// Every page of the dashboard in a real browser: axe-core in both colours and at two widths, what
// opens on it, and names that would be markup if a page took them for it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LEADS, empty, filled, served } from './pages.js';
import { Provider } from './provider.js';
import { PAYLOAD, Server, launch } from './server.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ROUTES = readFileSync(process.env.COFFER_ROUTES, 'utf8');
const SHOTS = process.env.COFFER_SHOTS;
const WIDTHS = { wide: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };
const THEMES = ['light', 'dark'];
/** How long a step may take on a machine that is busy with other work, in milliseconds. */
const PATIENCE = 120_000;
/** Letters without a blank: a page breaks them, or scrolls sideways. */
const LONG = 'x'.repeat(120);
const ODD = `"><img src=x onerror=alert(1)><script>alert(1)</script>'&lt;\u202e`;

let browser;
let provider;
let servers;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  provider = await Provider.start();
  const dev = await Server.start();
  servers = { dev };
  servers.production = await Server.production(provider.settings());
  provider.back = servers.production.base;
  await dev.fill();
  browser = await launch();
  for (const server of [dev, servers.production]) {
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    const page = await context.newPage();
    await server.signIn(page);
    server.state = await context.storageState();
    await context.close();
  }
});

after(async () => {
  await browser?.close();
  for (const server of Object.values(servers ?? {})) await server.stop();
  await provider?.stop();
});

/** A page of somebody who is signed in, or of nobody, which notes what the browser complains of. */
async function open(server, { nobody, ...options }) {
  const storageState = nobody ? undefined : server.state;
  const context = await browser.newContext({ storageState, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => {
    // That a page has the status of a refusal is looked at where it is asked for.
    const isStatus = message.text().startsWith('Failed to load resource: the server responded');
    if (message.type() === 'error' && !isStatus) page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    page.complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return page;
}

/**
 * The serious faults that axe finds, and what does not fit; of all that opens on the page, too. Axe
 * reads that if `opened` says so: its markup is the same at each width.
 */
async function faultsOf(page, options, opened) {
  // The policy of the page lets no script in; the test's own does not come through it.
  await page.evaluate(AXE);
  return page.evaluate(async ([axeOptions, isOpenedRead]) => {
    const faults = [];
    const look = async (part, what) => {
      const isRead = part === document || isOpenedRead;
      const { violations } = isRead ? await window.axe.run(part, axeOptions) : { violations: [] };
      for (const { id, impact, nodes } of violations) {
        if (impact === 'serious' || impact === 'critical') {
          faults.push(`${what}${id} (${nodes.length}) ${nodes[0].html.slice(0, 160)}`);
        }
      }
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth > clientWidth) {
        faults.push(`${what}it scrolls sideways, ${scrollWidth} > ${clientWidth}`);
      }
    };
    await look(document, '');
    const seen = new Set();
    for (const details of document.querySelectorAll('details')) {
      const word = details.querySelector('summary').textContent.trim();
      if (!seen.has(word)) {
        seen.add(word);
        details.open = true;
        await look(details, `“${word}” opened: `);
        const box = details.querySelector('.pop')?.getBoundingClientRect();
        if (box && (box.left < 0 || box.right > document.documentElement.clientWidth)) {
          faults.push(`“${word}” opened: it is cut off, ${box.left} to ${box.right}`);
        }
        details.open = false;
      }
    }
    const dialog = document.getElementById('keys');
    if (dialog) {
      dialog.showModal();
      await look(dialog, 'the keys: ');
      dialog.close();
    }
    return faults;
  }, [options, opened]);
}

/** The two servers with their pages. */
function everything() {
  return [
    [servers.dev, filled(servers.dev)],
    [servers.production, empty(provider)],
  ];
}

test('each page that is served is among those that are looked at', () => {
  const all = served(ROUTES);
  assert.ok(all.length > 40, `${all}`);
  const looked = new Set(everything().flatMap(([, pages]) => pages.map(({ serves }) => serves)));
  assert.deepEqual(all.filter((each) => !looked.has(each) && !LEADS.includes(each)), []);
  assert.deepEqual(LEADS.filter((each) => !all.includes(each)), [], 'they are not served any more');
});

for (const theme of THEMES) {
  test(`axe finds no serious fault, ${theme}, at both widths`, async () => {
    const faults = [];
    // Dark pages have the markup of light ones: only their colours are new.
    const options = theme === 'dark' ? { runOnly: ['color-contrast'] } : {};
    for (const [server, pages] of everything()) {
      for (const nobody of [false, true]) {
        const page = await open(server, { nobody, colorScheme: theme });
        for (const one of pages.filter((each) => Boolean(each.nobody) === nobody)) {
          const answer = await one.go(page, server);
          const fault = (text) => faults.push(`${one.name}: ${text}`);
          const is = answer.status();
          if (is !== one.status) fault(`it is answered with ${is} and not with ${one.status}`);
          for (const [width, viewport] of Object.entries(WIDTHS)) {
            await page.setViewportSize(viewport);
            await page.screenshot({ path: join(SHOTS, `${one.name}-${theme}-${width}.png`) });
            const found = await faultsOf(page, options, width === 'wide');
            found.forEach((text) => fault(`${width}: ${text}`));
          }
          const html = await page.content();
          if (html.includes(PAYLOAD) && one.shows !== PAYLOAD) fault('it has a payload');
          const kept = answer.headers()['cache-control'];
          if (kept !== 'no-store') fault(`a cache may keep it: ${kept}`);
        }
        assert.deepEqual(page.complaints, []);
        await page.context().close();
      }
    }
    assert.deepEqual(faults, []);
  });
}

test('odd and long names are text on every page, and fit', async () => {
  const { dev } = servers;
  await dev.fill({ odd: ODD, long: LONG });
  const faults = [];
  for (const viewport of Object.values(WIDTHS)) {
    const page = await open(dev, { viewport });
    let shown = 0;
    for (const one of filled(dev).filter(({ nobody }) => !nobody)) {
      const answer = await one.go(page, dev);
      if (answer.status() >= 500) faults.push(`${one.name}: ${answer.status()}`);
      const found = await page.evaluate(() => ({
        strangers: document.querySelectorAll('img, script:not([src]), [onerror]').length,
        scroll: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        text: document.body.textContent,
      }));
      if (found.strangers > 0) faults.push(`${one.name}: a name is markup`);
      if (found.scroll > 0) faults.push(`${one.name}: it scrolls sideways by ${found.scroll}`);
      if (found.text.includes(ODD)) shown += 1;
    }
    assert.ok(shown >= 10, `odd names are on ${shown} pages`);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
  assert.deepEqual(faults, []);
});

test('every setting is shown with where it came from, and no secret', async () => {
  const { production } = servers;
  const page = await open(production, {});
  await page.goto(`${production.base}/dashboard/settings`);
  const cells = page.locator('tbody tr').evaluateAll((rows) =>
    rows.map((row) => [...row.cells].slice(0, 3).map((cell) => cell.textContent)),
  );
  const shown = new Map((await cells).map(([name, ...rest]) => [name, rest]));
  const printed = JSON.parse(production.coffer(['config', 'print', '--format', 'json']));
  assert.deepEqual([...shown.keys()], printed.map(({ name }) => name));
  for (const { name, value, source } of printed) {
    // The server was started with a flag for this one, and the verb was not.
    const from = name === 'listen' ? ['127.0.0.1:0', 'flag --listen'] : [value, source];
    const words = from.map((word) => word ?? '–');
    assert.deepEqual(shown.get(name), words, name);
  }
  assert.ok(shown.get('oidc_issuer').includes(provider.issuer));
  assert.ok(!(await page.content()).includes('the-secret-of-the-client'));
  await page.context().close();
});

test('the overview tells of the last backup and drill', async () => {
  const { production } = servers;
  const page = await open(production, {});
  const tile = (name) => page.locator('.tile', { hasText: name }).textContent();
  await page.goto(`${production.base}/dashboard`);
  assert.match(await tile('Last backup'), /none yet.*coffer backup create/);
  assert.match(await tile('Last drill'), /none yet.*coffer drill/);
  const [data, keys] = ['data', 'keys'].map((part) => join(production.home, 'backups', part));
  [data, keys].forEach((place) => mkdirSync(place, { recursive: true }));
  production.coffer(['backup', 'create', '--to', `${data}/`, '--keys-to', `${keys}/`]);
  production.coffer(['drill', '--from', data, '--from', keys]);
  await page.reload();
  assert.match(await tile('Last backup'), /good.*(just now|ago)/);
  assert.match(await tile('Last drill'), /good.*(just now|ago)/);
  await page.context().close();
});
