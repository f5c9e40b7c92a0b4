/** Channels and what is sent to them, with a receiver that really listens. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChannelInfo } from '../../src/lib/api/schema';
import { byEveryHand, expect, test } from '../support/test';

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

byEveryHand(() => {
  test('a webhook is created, its secret shown once, a test arrives and can be sent again', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    const there = await receiver();
    await hand.press(page.getByRole('link', { name: 'Notifications' }));
    await hand.press(page.getByRole('link', { name: 'New channel' }).first());
    await hand.fill(page.getByLabel('Name'), `Ops ${unique}`);
    await hand.fill(page.getByLabel('URL'), there.url);
    await hand.press(page.getByRole('button', { name: 'Create channel' }));
    const dialog = page.getByRole('dialog');
    const secret = await dialog.locator('[data-secret]').innerText();
    expect(secret).toMatch(/^whsec_/);
    await page.keyboard.press('Escape');
    await expect(dialog, 'it goes only by its button').toBeVisible();
    await hand.press(dialog.getByRole('button', { name: 'I have kept it' }));
    await expect(page.getByRole('heading', { level: 1, name: `Ops ${unique}` })).toBeVisible();

    await hand.press(page.getByRole('button', { name: 'Send a test' }));
    const row = page.getByRole('row', { name: /^Test/ });
    await expect(row).toContainText('Delivered');
    expect(there.heard).toHaveLength(1);
    await hand.press(row.getByRole('button', { name: 'Send again' }));
    await expect.poll(() => there.heard.length).toBe(2);

    await hand.press(page.getByRole('link', { name: 'Channel', exact: true }));
    await hand.press(page.getByRole('button', { name: 'New secret' }));
    await hand.press(page.getByRole('dialog').getByRole('button', { name: 'New secret' }));
    const next = page.getByRole('dialog').locator('[data-secret]');
    await expect(next).toHaveText(/^whsec_/);
    expect(await next.innerText()).not.toBe(secret);
    await hand.press(page.getByRole('button', { name: 'I have kept it' }));
    await expect(page.getByText('whsec_')).toHaveCount(0);
    const { items } = await api.send<{ items: ChannelInfo[] }>('GET', '/api/channels');
    expect(JSON.stringify(items)).not.toContain('whsec_');
    there.close();
  });

  test('a channel: an address that is none is told at its field, then it hears of what was chosen only', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await hand.press(page.getByRole('link', { name: 'Notifications' }));
    await hand.press(page.getByRole('link', { name: 'New channel' }).first());
    await hand.fill(page.getByLabel('Name'), `Mail ${unique}`);
    await hand.choose(page.getByLabel('Kind'), 'email');
    const address = page.getByLabel('E-mail address');
    await hand.fill(address, 'not an address');
    await hand.press(page.getByRole('button', { name: 'Create channel' }));
    await expect(address).toHaveAccessibleDescription(/is no e-mail address/);
    await expect(address).toBeFocused();
    await hand.fill(address, 'oncall@example.com');
    await hand.tick(page.getByLabel('Everything'), false);
    for (const kind of ['Backup failed', 'Backup damaged']) {
      await expect(page.getByLabel(kind)).toBeChecked();
    }
    await hand.tick(page.getByLabel('There is room again'), false);
    await hand.press(page.getByRole('button', { name: 'Create channel' }));
    await expect(page.getByRole('heading', { level: 1, name: `Mail ${unique}` })).toBeVisible();
    const { items } = await api.send<{ items: ChannelInfo[] }>('GET', '/api/channels');
    const made = items.find(({ name }) => name === `Mail ${unique}`);
    expect(made?.kinds).toContain('backup_failed');
    expect(made?.kinds).not.toContain('disk_recovered');
  });

  test('a channel is deleted after its name was typed', async ({ console: page, unique, api, hand }) => {
    const { id } = await api.send<ChannelInfo>('POST', '/api/channels', {
      name: unique,
      kind: 'email',
      target: 'a@example.com',
    });
    await page.goto(`/notifications/channels/${id}`);
    await hand.press(page.getByRole('button', { name: 'Delete channel' }));
    await hand.fill(page.getByRole('dialog').getByRole('textbox'), unique);
    await hand.press(page.getByRole('dialog').getByRole('button', { name: 'Delete channel' }));
    await expect(page.getByText(`${unique} is deleted`)).toBeVisible();
    expect((await api.raw('GET', `/api/channels/${id}`)).status).toBe(404);
  });
});
