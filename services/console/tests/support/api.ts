/** The API as a test uses it to make what a story begins with, and to see what was really saved. */
import type {
  BackupInfo,
  NewTenant,
  NewUser,
  Queued,
  RestoreInfo,
  TenantInfo,
  UserInfo,
} from '../../src/lib/api/schema';

const WAIT = 30_000;
const LOOK_EVERY = 100;

export class Api {
  #token = '';

  constructor(readonly url: string) {}

  async login(username: string, password: string, tenant?: string): Promise<void> {
    const { token } = await this.send<{ token: string }>('POST', '/api/auth/login', {
      username,
      password,
      tenant,
    });
    this.#token = token;
  }

  async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.raw(method, path, body);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  raw(method: string, path: string, body?: unknown): Promise<Response> {
    return this.#fetch(
      method,
      path,
      'application/json',
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  async csv(path: string, body: string): Promise<void> {
    const response = await this.#fetch('POST', path, 'text/csv', body);
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
  }

  #fetch(method: string, path: string, type: string, body?: string): Promise<Response> {
    const headers = {
      ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': type }),
    };
    return fetch(`${this.url}${path}`, { method, headers, body });
  }

  tenant = (slug: string, more: Partial<NewTenant> = {}): Promise<TenantInfo> =>
    this.send('POST', '/api/tenants', { slug, name: `Reseller ${slug}`, ...more });

  user = (tenant: string, user: NewUser): Promise<UserInfo> =>
    this.send('POST', `/api/tenants/${tenant}/users`, user);

  /** Backs a tenant up, or all with `undefined`, and waits for the end. */
  async backup(tenant?: string): Promise<BackupInfo> {
    const body = tenant ? { scope: 'tenant', tenant } : { scope: 'central' };
    const { items } = await this.send<Queued>('POST', '/api/backups', body);
    return this.ended<BackupInfo>(`/api/backups/${items[0]?.id}`);
  }

  restored = (id: string): Promise<RestoreInfo> => this.ended(`/api/restores/${id}`);

  async ended<T extends { status: string }>(path: string): Promise<T> {
    const deadline = Date.now() + WAIT;
    while (Date.now() < deadline) {
      const row = await this.send<T>('GET', path);
      if (!['queued', 'running', 'verifying'].includes(row.status)) return row;
      await new Promise((done) => setTimeout(done, LOOK_EVERY));
    }
    throw new Error(`${path} has not ended`);
  }
}
