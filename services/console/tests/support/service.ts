/** The real binary on a free port with a data directory of its own, and the console before it: its own, when it was built in. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { preview, type PreviewServer } from 'vite';

export const PASSWORD = 'correct horse battery staple';
const WAIT = 30_000;
const LOOK_EVERY = 50;

export interface Service {
  /** Where the console is. */
  url: string;
  /** Where the API is; the same unless the binary has no console inside. */
  api: string;
  directory: string;
  stop: () => Promise<void>;
  /** Ends the process at once and starts it anew on the same data and port. */
  restart: (pause?: Promise<void>) => Promise<void>;
  kill: () => Promise<void>;
  start: () => Promise<void>;
}

export const binary = (): string =>
  resolve(process.env.CHILIVIEW_BINARY ?? join(import.meta.dirname, '../../../../target/debug/chiliview'));

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

async function answers(url: string): Promise<void> {
  const deadline = Date.now() + WAIT;
  while (Date.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, LOOK_EVERY));
  }
  throw new Error(`nothing answers at ${url}`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill(signal);
  await ended;
}

/**
 * Whether the binary answers at `/` with the console rather than with the page that says how to build it. `CONSOLE=dist` takes
 * what `npm run build` left there: a change of the console alone needs no new binary then.
 */
async function hasConsole(api: string): Promise<boolean> {
  if (process.env.CONSOLE) return false;
  const answer = await fetch(api, { headers: { accept: 'text/html' } });
  return (await answer.text()).includes('id="app"');
}

/** Without `jobs` nothing that is asked for is begun: there is no worker. */
export async function startService({ jobs = true } = {}): Promise<Service> {
  if (!existsSync(binary())) throw new Error(`${binary()} is missing: cargo build, or set CHILIVIEW_BINARY`);
  const directory = mkdtempSync(join(tmpdir(), 'chiliview-console-'));
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const environment = {
    PATH: process.env.PATH,
    CHILIVIEW_DATA_DIR: directory,
    CHILIVIEW_LISTEN: `127.0.0.1:${port}`,
    CHILIVIEW_ADMIN_PASSWORD: PASSWORD,
    // Receivers of webhooks listen on this machine.
    CHILIVIEW_OUTBOUND_ALLOW: '127.0.0.0/8',
  };
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(binary(), jobs ? ['serve'] : ['serve', '--no-worker'], {
      env: environment,
      stdio: process.env.CHILIVIEW_LOG ? 'inherit' : 'ignore',
    });
    await answers(`${api}/readyz`);
  };
  await start();
  const before = (await hasConsole(api)) ? undefined : await serveBuilt(api);
  const kill = (): Promise<void> => end(child, 'SIGKILL');
  return {
    url: before?.url ?? api,
    api,
    directory,
    kill,
    start,
    restart: async (pause) => {
      await kill();
      await pause;
      await start();
    },
    stop: async () => {
      await before?.server.close();
      await end(child, 'SIGTERM');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The policy that the binary sends with its pages, for the time when it has none. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

async function serveBuilt(api: string): Promise<{ server: PreviewServer; url: string }> {
  const proxy = { '/api': api, '/livez': api };
  const server = await preview({
    root: resolve(import.meta.dirname, '../..'),
    build: { outDir: process.env.CONSOLE ?? 'dist' },
    preview: { port: 0, host: '127.0.0.1', proxy, headers: { 'content-security-policy': POLICY } },
    logLevel: 'silent',
  });
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error('the built console could not be served');
  return { server, url: url.replace(/\/$/, '') };
}
