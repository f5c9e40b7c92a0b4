import config from './playwright.config';

/** `npm run pictures`: not part of the tests. */
export default { ...config, testDir: 'tests/pictures' };
