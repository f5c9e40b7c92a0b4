/** One clock for the whole page, so that relative times move together. */
class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, 1000);
    document.addEventListener('visibilitychange', () => {
      this.now = Date.now();
    });
  }
}

export const clock = new Clock();
