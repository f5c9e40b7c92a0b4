/** Whether a person is at the console. What it asks for by itself shall keep no session from idling out. */
const AWAY_AFTER = 5 * 60_000;
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'];

let seen = Date.now();
for (const sign of SIGNS) addEventListener(sign, () => (seen = Date.now()), { capture: true, passive: true });

export const isAway = (): boolean => Date.now() - seen > AWAY_AFTER;
