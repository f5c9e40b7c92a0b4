/** Channels and what is sent to them, with a receiver that really listens. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChannelInfo } from '../../src/lib/api/schema';
import { expect, test } from '../support/test';

interface Receiver {
  url: string;
  heard: string[];
  /** The status of the next answers. */
  answer: number;
  close: () => void;
}

async function receiver(): Promise<Receiver> {
  const heard: string[] = [];
  const state: Receiver = { url: '', heard, answer: 204, close: () => server.close() };
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      heard.push(body);
      response.writeHead(state.answer).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return state;
}

test('a webhook is created, its secret shown once, a test arrives and can be sent again', async ({
  console: page,
  unique,
  api,
}) => {
  const there = await receiver();
  await page.getByRole('link', { name: 'Notifications' }).click();
  await page.getByRole('link', { name: 'New channel' }).first().click();
  await page.getByLabel('Name').fill(`Ops ${unique}`);
  await page.getByLabel('URL').fill(there.url);
  await page.getByRole('button', { name: 'Create channel' }).click();
  const dialog = page.getByRole('dialog');
  const secret = await dialog.locator('[data-secret]').innerText();
  expect(secret).toMatch(/^whsec_/);
  await page.keyboard.press('Escape');
  await expect(dialog, 'it goes only by its button').toBeVisible();
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  await expect(page.getByRole('heading', { level: 1, name: `Ops ${unique}` })).toBeVisible();

  await page.getByRole('button', { name: 'Send a test' }).click();
  const row = page.getByRole('row', { name: /^Test/ });
  await expect(row).toContainText('Delivered');
  expect(there.heard).toHaveLength(1);
  await row.getByRole('button', { name: 'Send again' }).click();
  await expect.poll(() => there.heard.length).toBe(2);

  await page.getByRole('link', { name: 'Channel', exact: true }).click();
  await page.getByRole('button', { name: 'New secret' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'New secret' }).click();
  const next = page.getByRole('dialog').locator('[data-secret]');
  await expect(next).toHaveText(/^whsec_/);
  expect(await next.innerText()).not.toBe(secret);
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await expect(page.getByText('whsec_')).toHaveCount(0);
  const { items } = await api.send<{ items: ChannelInfo[] }>('GET', '/api/channels');
  expect(JSON.stringify(items)).not.toContain('whsec_');
  there.close();
});

test('a channel by keyboard: an address that is none is told at its field, then it hears of what was chosen only', async ({
  console: page,
  unique,
  api,
}) => {
  await page.keyboard.press('g');
  await page.keyboard.press('n');
  await expect(page.getByRole('heading', { level: 1, name: 'Notifications' })).toBeFocused();
  await page.keyboard.press('n');
  await expect(page.getByRole('heading', { level: 1, name: 'New channel' })).toBeFocused();
  await page.getByLabel('Name').focus();
  await page.keyboard.type(`Mail ${unique}`);
  await page.keyboard.press('Tab');
  await page.keyboard.type('Mail');
  await page.keyboard.press('Tab');
  await page.keyboard.type('not an address');
  await page.keyboard.press('Enter');
  const address = page.getByLabel('E-mail address');
  await expect(address).toHaveAccessibleDescription(/is no e-mail address/);
  await expect(address).toBeFocused();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('oncall@example.com');
  await page.getByLabel('Everything').focus();
  await page.keyboard.press('Space');
  for (const kind of ['Backup failed', 'Backup damaged']) {
    await expect(page.getByLabel(kind)).toBeChecked();
  }
  await page.getByLabel('There is room again').focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: `Mail ${unique}` })).toBeVisible();
  const { items } = await api.send<{ items: ChannelInfo[] }>('GET', '/api/channels');
  const made = items.find(({ name }) => name === `Mail ${unique}`);
  expect(made?.kinds).toContain('backup_failed');
  expect(made?.kinds).not.toContain('disk_recovered');
});

test('a channel is deleted after its name was typed', async ({ console: page, unique, api }) => {
  const { id } = await api.send<ChannelInfo>('POST', '/api/channels', {
    name: unique,
    kind: 'email',
    target: 'a@example.com',
  });
  await page.goto(`/notifications/channels/${id}`);
  await page.getByRole('button', { name: 'Delete channel' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill(unique);
  await page.getByRole('dialog').getByRole('button', { name: 'Delete channel' }).click();
  await expect(page.getByText(`${unique} is deleted`)).toBeVisible();
  expect((await api.raw('GET', `/api/channels/${id}`)).status).toBe(404);
});
