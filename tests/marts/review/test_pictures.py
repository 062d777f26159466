"""The page's images are those of the file as it is at the last look."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from loader.marts.review.pictures import Cabinet
from tests.helpers.pictures import picture, saved


def test_a_file_that_was_gone_is_seen_once_it_is_back(tmp_path: Path) -> None:
    path, data = tmp_path / "a.jpg", saved(picture(), "JPEG")
    cabinet = Cabinet(lambda _: [str(path)])
    receipt_id = sha256(data).hexdigest()
    images, reason = cabinet.pictures(receipt_id)
    assert images == () and reason
    path.write_bytes(data)
    images, reason = cabinet.pictures(receipt_id)
    assert len(images) == 1 and reason is None
