/** Short words at the edge of the screen: what was done, and the way back. They stay while somebody points at them. */
import { told } from './told';

export interface Toast {
  id: number;
  tone: 'ok' | 'bad';
  text: string;
  /** The way back. */
  undo?: () => Promise<unknown>;
  href?: { href: string; label: string };
}

const LINGER = 6_000;
const LINGER_WITH_WAY = 12_000;
const MOST = 4;

class Toasts {
  all = $state<Toast[]>([]);
  held = $state(false);
  #next = 1;

  say(text: string, options: Pick<Toast, 'undo' | 'href'> = {}): void {
    this.#push({ id: this.#next++, tone: 'ok', text, ...options });
  }

  fail(failure: unknown): void {
    this.#push({ id: this.#next++, tone: 'bad', text: told(failure) });
  }

  /** Runs `work`, then says so, or says why not. Answers whether it went well. */
  async during(
    work: Promise<unknown>,
    text: string,
    options: Pick<Toast, 'undo' | 'href'> = {},
  ): Promise<boolean> {
    try {
      await work;
      this.say(text, options);
      return true;
    } catch (failure) {
      this.fail(failure);
      return false;
    }
  }

  remove(id: number): void {
    this.all = this.all.filter((toast) => toast.id !== id);
  }

  #push(toast: Toast): void {
    this.all = [...this.all.slice(-(MOST - 1)), toast];
    const linger = toast.undo || toast.tone === 'bad' ? LINGER_WITH_WAY : LINGER;
    const fade = (): void => {
      if (this.held) setTimeout(fade, LINGER);
      else this.remove(toast.id);
    };
    setTimeout(fade, linger);
  }
}

export const toasts = new Toasts();
