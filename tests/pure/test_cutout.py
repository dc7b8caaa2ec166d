# SPDX-License-Identifier: GPL-3.0-or-later
"""Mattes at full size, and colour where it can be seen or read by a filter."""

import cv2
import numpy as np
import pytest

from inference.cutout import BLOCK, MARGIN, matte_at_full_size, near, strips


def cutout(picture: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Of red, green and blue side by side, as one image."""
    return np.concatenate([strip.copy() for strip in strips(list(cv2.split(picture)), matte, near(matte))])


@pytest.mark.parametrize(("height", "width"), [(150, 201), (144, 64), (1, 1), (5, 300)])
def test_colour_is_kept_around_what_is_seen_and_zero_far_away(height: int, width: int) -> None:
    """Alpha of 1 of 255 is seen. Nothing is kept but a margin, and what is left of its blocks of rows."""
    random = np.random.default_rng(5)
    picture = random.integers(1, 256, (height, width, 3), np.uint8)
    matte = np.zeros((height, width), np.uint8)
    for row, column in ((0, 0), (70, 120)):
        matte[row : row + 1, column : column + 1] = 1
    matte[100:110, 20:30] = random.integers(0, 256, matte[100:110, 20:30].shape, np.uint8)
    image = cutout(picture, matte)
    assert image.shape == (height, width, 4)
    np.testing.assert_array_equal(image[..., 3], matte)

    away = np.abs(np.arange(height)[:, None] - np.arange(height)), np.abs(np.arange(width)[:, None] - np.arange(width))
    kept = (away[0] <= MARGIN).astype(int) @ (matte > 0) @ (away[1] <= MARGIN) > 0
    lost = (away[0] <= MARGIN + BLOCK).astype(int) @ (matte > 0) @ (away[1] <= MARGIN) == 0
    assert kept.any() == matte.any()
    np.testing.assert_array_equal(image[kept, :3], picture[kept])
    assert not image[lost].any()


def test_the_picture_is_left_alone() -> None:
    planes = [np.full((40, 50), 9, np.uint8)] * 3
    matte = np.zeros((40, 50), np.uint8)
    list(strips(planes, matte, near(matte)))
    assert all((plane == 9).all() for plane in planes)


def test_a_matte_is_the_cubic_enlargement_of_its_map() -> None:
    map_ = cv2.GaussianBlur(np.random.default_rng(6).random((64, 64), np.float32), (0, 0), 2)
    map_ = np.clip((map_ - map_.min()) / np.ptp(map_) * 1.4 - 0.2, 0, 1)
    exact = 255 * cv2.resize(map_, (300, 200), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    matte = matte_at_full_size(map_, 200, 300)
    assert (matte.dtype, matte.min(), matte.max()) == (np.uint8, 0, 255)
    assert np.abs(matte - exact).max() <= 2
    assert np.abs(matte - exact).mean() <= 0.5
