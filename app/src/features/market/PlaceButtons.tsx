/** Makes a bus a favourite, and the place where the market begins. */

import type { Address } from '@solana/kit';

import { beginAt, like, places } from '../../state/places';
import { useStore } from '../../state/store';
import { HomeIcon, StarIcon } from '../../ui/icons';
import { t } from '../../words';

/** Both buttons. */
export function PlaceButtons({ bus }: { readonly bus: Address }) {
  const { home, favourites } = useStore(places);
  const isLiked = favourites.has(bus);
  const isHome = home === bus;
  return (
    <>
      <button
        type="button"
        className="icon-button small"
        aria-pressed={isLiked}
        aria-label={t.places.favourite}
        title={t.places.favourite}
        onClick={() => like(bus, !isLiked)}
      >
        <StarIcon size={16} isFull={isLiked} />
      </button>
      <button
        type="button"
        className="icon-button small"
        aria-pressed={isHome}
        aria-label={t.places.beginHere}
        title={t.places.beginHere}
        onClick={() => beginAt(isHome ? undefined : bus)}
      >
        <HomeIcon size={16} isFull={isHome} />
      </button>
    </>
  );
}
