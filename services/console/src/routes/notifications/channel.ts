/** What can be asked of a channel. */
import {
  call,
  callVersioned,
  client,
  idempotencyKey,
  queryClient,
  type ChannelInfo,
  type ChannelPatch,
  type DeliveryInfo,
  type Versioned,
} from '$lib/api';
import type { StateName } from '$lib/ui';

/** A channel whose last try did not arrive is impaired; the service forgets the error with the first that does. */
export function stateName(channel: ChannelInfo): StateName {
  if (channel.disabled) return 'disabled';
  return channel.last_error ? 'degraded' : 'active';
}

const at = (id: string) => ({ path: { channel: id } });
const once = (id: string) => ({ ...at(id), header: { 'Idempotency-Key': idempotencyKey() } });
const refreshed = (id: string): Promise<unknown> =>
  Promise.all([
    queryClient.invalidateQueries({ queryKey: ['channels', 'list'] }),
    queryClient.invalidateQueries({ queryKey: ['deliveries', 'list', id] }),
  ]);

export const fetchChannel = (id: string, signal?: AbortSignal): Promise<Versioned<ChannelInfo>> =>
  callVersioned(client.GET('/api/channels/{channel}', { params: at(id), signal }));

async function changed(
  id: string,
  pending: Promise<Versioned<ChannelInfo>>,
): Promise<Versioned<ChannelInfo>> {
  const { row, etag } = await pending;
  const kept = { row: { ...row, secret: undefined }, etag };
  queryClient.setQueryData(['channels', id], kept);
  await refreshed(id);
  return { row, etag };
}

export function changeChannel(
  id: string,
  body: ChannelPatch,
  etag?: string,
): Promise<Versioned<ChannelInfo>> {
  const params = { ...at(id), header: { 'If-Match': etag } };
  return changed(id, callVersioned(client.PATCH('/api/channels/{channel}', { params, body })));
}

export const setDisabled = (id: string, disabled: boolean): Promise<unknown> =>
  changeChannel(id, { disabled });

/** The answer is the only one that holds the new secret. */
export const rotateSecret = (id: string): Promise<Versioned<ChannelInfo>> =>
  changed(id, callVersioned(client.POST('/api/channels/{channel}/rotate-secret', { params: once(id) })));

export async function testChannel(id: string): Promise<DeliveryInfo> {
  const sent = await call(client.POST('/api/channels/{channel}/test', { params: once(id) }));
  await refreshed(id);
  return sent;
}

export async function retryDelivery({ id, channel_id }: DeliveryInfo): Promise<void> {
  await call(client.POST('/api/deliveries/{delivery}/retry', { params: { path: { delivery: id } } }));
  await refreshed(channel_id);
}

export async function deleteChannel(id: string, etag: string): Promise<void> {
  const params = { ...at(id), header: { 'If-Match': etag } };
  await call(client.DELETE('/api/channels/{channel}', { params }));
  queryClient.removeQueries({ queryKey: ['channels', id] });
  await queryClient.invalidateQueries({ queryKey: ['channels', 'list'] });
}
