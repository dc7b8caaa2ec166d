# SPDX-License-Identifier: GPL-3.0-or-later
"""Our PNG files hold what was put in, for other readers too."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inference import movie, png


@pytest.mark.parametrize("shape", [(70, 101, 4), (33, 5, 3), (32, 64), (1, 1, 4), (1, 9, 3), (40, 1)])
def test_two_readers_see_the_same_picture(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    data = png.encode(image)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image)
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image.ndim == 3:
        read = cv2.cvtColor(read, cv2.COLOR_BGRA2RGBA if shape[2] == 4 else cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(read, image)


def test_files_are_smaller_than_opencvs(bunny: Path) -> None:
    ((_, picture),) = movie.decode(str(bunny), [60], channels=4)
    theirs = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))[1]
    assert len(png.encode(picture)) < theirs.size
