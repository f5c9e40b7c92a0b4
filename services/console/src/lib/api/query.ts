/** The cache of what the service answered. Keys begin with the resource's name: `['backups', 'list', …]`, `['backups', id]`. */
import { QueryClient } from '@tanstack/svelte-query';
import { network } from './network.svelte';
import { ApiProblem } from './problem';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      gcTime: 10 * 60_000,
      // The transport has tried again already; a refusal does not change by asking twice.
      retry: (count, error) => !(error instanceof ApiProblem && error.status < 500) && count < 1,
      refetchOnWindowFocus: true,
      networkMode: 'always',
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});

network.onReturn(() => void queryClient.invalidateQueries());
