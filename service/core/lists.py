"""The names of places of the present catalogue."""

from __future__ import annotations

import threading

from kg.catalogue.catalogue import Catalogue
from service.core.places import PlaceBook


class Lists:
    """Keeps the names of places; after a place changed the first who asks renews them.

    Whoever asks meanwhile waits for the same names, so that they are never made twice.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._lock = catalogue, threading.RLock()
        self._places: PlaceBook | None = None

    @property
    def places(self) -> PlaceBook:
        """The names of places."""
        with self._lock:
            territories = self._catalogue.snapshot().territories
            if self._places is None or self._places.territories is not territories:
                self._places = PlaceBook(territories)
            return self._places
