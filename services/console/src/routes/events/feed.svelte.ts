/** What was told since the page was first opened, newest first; it goes on while other screens are looked at. */
import { live } from '$lib/live';
import { happening, type Happening } from './happening';

/** Older ones go: the audit log keeps them. */
const MOST = 500;

function withNew(all: Happening[], one: Happening): Happening[] {
  return [one, ...all.filter(({ key }) => key !== one.key)].slice(0, MOST);
}

class Feed {
  shown = $state.raw<Happening[]>([]);
  /** What came while the person reads. */
  held = $state.raw<Happening[]>([]);
  paused = $state(false);

  constructor() {
    live.listen((event) => {
      const one = happening(event);
      if (this.paused) this.held = withNew(this.held, one);
      else this.shown = withNew(this.shown, one);
    });
  }

  pause(): void {
    this.paused = true;
  }

  goOn(): void {
    const held = this.held.toReversed();
    this.shown = held.reduce(withNew, this.shown);
    this.held = [];
    this.paused = false;
  }

  clear(): void {
    this.shown = [];
    this.held = [];
  }
}

export const feed = new Feed();
