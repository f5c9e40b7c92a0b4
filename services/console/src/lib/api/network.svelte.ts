/** Whether the service answers. While it does not, a banner says so and it is asked again until it does. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 10_000;

class Network {
  reachable = $state(true);
  #listeners: (() => void)[] = [];
  #waiting: (() => void)[] = [];
  #probing = false;

  /** Called once the service answers again. */
  onReturn(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves at once while the service answers, else when it does again. */
  whenReachable(): Promise<void> {
    if (this.reachable) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  lost(): void {
    this.reachable = false;
    if (!this.#probing) void this.#probe();
  }

  /** Asks once, when something else than the API gave no answer: the stream of events, a screen's code. */
  async check(): Promise<void> {
    if (!(await answers())) this.lost();
  }

  found(): void {
    if (this.reachable) return;
    this.reachable = true;
    for (const listener of this.#listeners) listener();
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  async #probe(): Promise<void> {
    this.#probing = true;
    for (let wait = FIRST_WAIT; !this.reachable; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      await pause(wait);
      if (await answers()) this.found();
    }
    this.#probing = false;
  }
}

/** Any answer below 500 is the service's own: a proxy before it answers 502 to 504 while it is away. */
async function answers(): Promise<boolean> {
  const answer = await fetch('/livez', { cache: 'no-store' }).catch(() => undefined);
  return answer !== undefined && answer.status < 500;
}

/** Ends early when the browser says that the network is back. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    }
    addEventListener('online', done);
  });
}

export const network = new Network();
