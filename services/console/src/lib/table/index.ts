export { default as DataTable } from './DataTable.svelte';
export { List, type ListOptions, type ListQuery, type ListPage, type Order } from './list.svelte';
export { save } from './csv';
export type { Column, Filter } from './columns';
