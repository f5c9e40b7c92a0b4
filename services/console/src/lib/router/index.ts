export { router } from './router.svelte';
export { routes, ADMINS, OPERATORS, type Group, type Navigation, type Route, type Who } from './routes';
