"""The images of a receipt for the page: pages and pieces as they were sent, made anew from its file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from loader.requests.images import PreparedImage, prepare
from loader.requests.pictures import RejectedImage
from loader.sources.find_again import image_of

MOST_KEPT = 6
Pictures = tuple[tuple[PreparedImage, ...], str | None]
"""The images of a receipt, or none and why not."""


class Cabinet:
    """The images of the receipts that were looked at last."""

    def __init__(self, places: Callable[[str], list[str]]) -> None:
        self._places = places
        self._kept: OrderedDict[str, Pictures] = OrderedDict()
        self._turn = threading.Lock()

    def pictures(self, receipt_id: str) -> Pictures:
        """All images of a receipt, one to eight."""
        with self._turn:
            if receipt_id in self._kept:
                self._kept.move_to_end(receipt_id)
                return self._kept[receipt_id]
        found = _pictures(receipt_id, self._places(receipt_id))
        if not found[0]:  # it may be back at the next look
            return found
        with self._turn:
            self._kept[receipt_id] = found
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found


def _pictures(receipt_id: str, places: list[str]) -> Pictures:
    image, reason = image_of(receipt_id, places)
    if image is None:
        return (), reason
    try:
        return prepare(image), None
    except RejectedImage as rejected:
        return (), str(rejected)
