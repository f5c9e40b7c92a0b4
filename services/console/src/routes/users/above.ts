/** The way to a screen about users: for an admin it leads through the reseller. */
import type { Place } from '../resellers/place';
import { t as resellerWords } from '../resellers/words';
import { t } from './words';

export const aboveUsers = (place: Place, name?: string) => [
  ...(place.own
    ? []
    : [
        { href: '/resellers', label: resellerWords.title },
        { href: place.reseller, label: name ?? place.slug },
      ]),
  { href: place.users, label: t.title },
];
