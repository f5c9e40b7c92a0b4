export { default as DataTable } from './DataTable.svelte';
export { default as ResellerFilter } from './ResellerFilter.svelte';
export { List, type ListOptions, type ListQuery, type ListPage, type Order } from './list.svelte';
export { csvOf, save } from './csv';
export { tableWords } from './words';
export type { Column, Filter } from './columns';
