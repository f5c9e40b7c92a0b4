/** What a browser complains about while a test runs. */
import type { Page } from '@playwright/test';

/** A refusal that the page handles is told by the browser as an error too: 401 when nobody is logged in yet. A file that is missing is none. */
const handled = (text: string, url: string): boolean =>
  /Failed to load resource: the server responded with a status of 4\d\d/.test(text) &&
  new URL(url).pathname.startsWith('/api/');

/**
 * Collects, from now on, breaches of the content policy, errors and rejections that nobody catches, and errors in the browser's
 * console. Call it before the page is opened.
 */
export async function watch(page: Page): Promise<string[]> {
  const complaints: string[] = [];
  await page.exposeFunction('policyBroken', (text: string) => complaints.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const tell = (window as unknown as { policyBroken: (text: string) => void }).policyBroken;
      tell(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' || handled(message.text(), message.location().url)) return;
    complaints.push(`console: ${message.text()} ${message.location().url}`);
  });
  return complaints;
}
