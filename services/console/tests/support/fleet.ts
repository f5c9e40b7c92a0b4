/** Many rows of everything, made through the API: names as they are in life, none of them the same. */
import type { NewTenant, Queued } from '../../src/lib/api/schema';
import type { Api } from './api';

const FIRST = [
  'Acme',
  'Alpenblick',
  'Fjordnet',
  'Kiezserver',
  'Lagune',
  'Nordlicht',
  'Polder',
  'Rheinwerk',
  'Sündermann',
  'Überland',
];
const SECOND = [
  'Hosting',
  'Webservices',
  'Digital',
  'Systemhaus',
  'Cloud',
  'Rechenzentrum',
  'Netzwerktechnik',
  'Internet',
];
const FORM = ['GmbH', 'AG', 'eG', 'B.V.', 'S.r.l.', 'AS', 'GmbH & Co. KG', 'Verwaltungsgesellschaft mbH'];
const GIVEN = [
  'Anna',
  'Ben',
  'Çelik',
  'Dörte',
  'Émile',
  'Finn',
  'Greta',
  'Hassan',
  'Inge',
  'Jürgen',
  'Katarzyna',
  'Łukasz',
  'Maximiliane',
];
const FAMILY = [
  'Berg',
  'Çetin',
  'Dąbrowski',
  'Eßer',
  'Freifrau von Falkenstein',
  'Groß',
  'Hoffmann',
  'Ivanova',
  'Jäger',
  'Krüger',
  'Öztürk',
];
const AT_ONCE = 8;

const of = (all: string[], index: number): string => all[index % all.length] ?? '';

export function tenantOf(index: number): NewTenant & { slug: string } {
  const name = `${of(FIRST, index)} ${of(SECOND, Math.floor(index / 10))} ${of(FORM, Math.floor(index / 7))}`;
  const slug = `${of(FIRST, index).toLowerCase().replaceAll('ü', 'ue')}-${index}`;
  const tags = index % 5 === 0 ? ['premium', 'eu-central'] : index % 3 === 0 ? ['trial'] : [];
  return { slug, name, tags, contact_email: index % 4 === 0 ? undefined : `hostmaster@${slug}.example` };
}

/** The lines of a file of users, with its header. */
export function people(count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const [given, family] = [of(GIVEN, index), of(FAMILY, index * 3)];
    const username = `user${String(index).padStart(4, '0')}`;
    const role = index % 50 === 0 ? 'manager' : 'member';
    const status = index % 17 === 0 ? 'disabled' : 'active';
    return [username, `${username}@example.com`, given, family, role, status].join(',');
  });
  return ['username,email,given_name,family_name,role,status', ...lines, ''].join('\n');
}

export async function importPeople(api: Api, tenant: string, count: number): Promise<void> {
  await api.csv(`/api/tenants/${tenant}/users/import`, people(count));
}

/** Makes `count` resellers, a few at once. */
export async function makeTenants(api: Api, count: number, of = tenantOf): Promise<void> {
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await api.send('POST', '/api/tenants', of(index));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
}

/** Backs every database up and waits for the last of them. */
export async function backUpAll(api: Api): Promise<number> {
  const { items } = await api.send<Queued>('POST', '/api/backups', { scope: 'all' });
  for (const { id } of items) await api.ended(`/api/backups/${id}`);
  return items.length;
}
