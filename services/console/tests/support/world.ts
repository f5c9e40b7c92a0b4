/** What there is to see for tests that look at every screen: each part is made once a worker, when it is first asked for. */
import type { BackupInfo } from '../../src/lib/api/schema';
import type { Api } from './api';
import { PASSWORD } from './service';

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

interface Identified {
  id: string;
}

export class World {
  constructor(
    readonly api: Api,
    readonly slug: string,
  ) {}

  readonly #make = async (path: string, body?: object): Promise<string> =>
    (await this.api.send<Identified>('POST', path, body)).id;

  readonly reseller = once(async () => {
    await this.api.tenant(this.slug, {
      tags: ['premium'],
      contact_email: 'post@example.com',
      quota_users: 10,
    });
    return this.slug;
  });

  /** A reseller in which nothing is yet. */
  readonly fresh = once(async () => (await this.api.tenant(`${this.slug}-fresh`)).slug);

  readonly user = once(async () => {
    const person = { username: 'anna', email: 'anna@example.com', role: 'manager' } as const;
    return (await this.api.user(await this.reseller(), person)).id;
  });

  /** With the user in it: the restore below brings back no other state than there was. */
  readonly backup = once(async (): Promise<BackupInfo> => {
    await this.user();
    return this.api.backup(this.slug);
  });

  readonly schedule = once(async () =>
    this.#make('/api/schedules', {
      name: `Nightly ${this.slug}`,
      scope: 'tenant',
      tenant: await this.reseller(),
      cron: '30 2 * * *',
      time_zone: 'Europe/Berlin',
      retention: { keep_last: 3, daily: 7 },
    }),
  );

  /** The schedule and a run of it that has ended. */
  readonly run = once(async () => {
    const schedule = await this.schedule();
    const run = await this.#make(`/api/schedules/${schedule}/run`);
    await this.api.ended(`/api/schedules/${schedule}/runs/${run}`);
    return { schedule, run };
  });

  /** A reseller with people, a schedule that has run, and a backup. */
  readonly lived = once(async () => {
    await this.user();
    await this.run();
    return this.reseller();
  });

  readonly restore = once(async () => {
    const { id } = await this.backup();
    const body = { into: 'same', slug: await this.reseller(), password: PASSWORD };
    const restore = await this.#make(`/api/backups/${id}/restore`, body);
    await this.api.restored(restore);
    return restore;
  });

  readonly admin = once(() =>
    this.#make('/api/admins', {
      username: this.slug,
      role: 'operator',
      password: PASSWORD,
      email: 'post@example.com',
    }),
  );

  readonly channel = once(() =>
    this.#make('/api/channels', { name: this.slug, kind: 'email', target: 'oncall@example.com' }),
  );

  /** A channel to which something was sent. */
  readonly delivered = once(async () => {
    const channel = await this.channel();
    await this.api.send('POST', `/api/channels/${channel}/test`);
    return channel;
  });

  readonly key = once(() => {
    const expires_at = new Date(Date.now() + 90 * 24 * 3600 * 1000).toISOString();
    return this.#make('/api/api-keys', { name: this.slug, role: 'auditor', expires_at, password: PASSWORD });
  });

  readonly doctor = once(async () => {
    const round = await this.#make('/api/doctor', { repair: false });
    await this.api.ended(`/api/doctor/${round}`);
    return round;
  });
}
