# SPDX-License-Identifier: GPL-3.0-or-later
"""The reduction is Pillow's antialiased Lanczos."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from inference import resample


def reduce(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Of red, green and blue side by side."""
    return resample.reduce([picture[..., channel] for channel in range(3)], height, width)


@pytest.mark.parametrize(
    ("height", "width"), [(1080, 1920), (97, 331), (320, 320), (50, 2000), (120, 160), (2160, 3840)]
)
@pytest.mark.parametrize("size", [(320, 320), (192, 320)])
def test_reduction_is_pillows(height: int, width: int, size: tuple[int, int]) -> None:
    """Also where a side grows. Pillow rounds to bytes after each of its passes, and has its own way at the rim."""
    noise = np.random.default_rng(1).integers(80, 176, (height, width, 3), np.uint8)
    ours = reduce(noise, *size).transpose(1, 2, 0)
    theirs = np.asarray(Image.fromarray(noise).resize(size[::-1], Image.Resampling.LANCZOS), np.float32)
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    apart = np.abs(ours - theirs)
    assert apart.mean() < 0.5
    assert apart.max() < 12
    rim = [3 * max(1, -(-new // old)) for old, new in zip((height, width), size, strict=True)]
    inner = apart[rim[0] : -rim[0], rim[1] : -rim[1]]
    assert inner.mean() < 0.4
    assert inner.max() < 2.5


def test_an_even_picture_stays_as_it_is() -> None:
    colour = np.array((0, 100, 255), np.uint8)
    picture = np.broadcast_to(colour, (270, 481, 3))
    assert (reduce(picture, 320, 320) == colour[:, None, None]).all()
    assert (reduce(picture[:1, :1], 320, 320) == colour[:, None, None]).all()


def test_colours_of_pictures_with_alpha_are_taken_apart_alike() -> None:
    """A view into RGBA, whose pixels do not lie side by side."""
    picture = np.random.default_rng(1).integers(0, 256, (97, 331, 4), np.uint8)
    np.testing.assert_array_equal(
        reduce(picture[..., :3], 64, 96), reduce(np.ascontiguousarray(picture[..., :3]), 64, 96)
    )


def test_threads_do_not_share_a_size() -> None:
    """Each thread's answer is the one that it gets alone, though sizes change from call to call."""
    random = np.random.default_rng(2)
    pictures = [random.integers(0, 256, (90 + number % 3, 160 + number % 5, 3), np.uint8) for number in range(60)]
    alone = [reduce(picture, 32, 48) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda picture: reduce(picture, 32, 48), pictures))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
