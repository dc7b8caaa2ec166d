# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor does to a matte: specks, holes, edges, levels."""

import cv2
import numpy as np
import pytest

from inference import Shape
from inference.shape import feathered, grown, shaped, without_holes, without_specks

HEIGHT, WIDTH = 540, 960


def matte_of(*discs: tuple[float, float, float], soft: float = 4.0) -> np.ndarray:
    """Discs (x, y, radius), whose edges fall over `soft` pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    for x, y, radius in discs:
        alpha = np.maximum(alpha, np.clip((radius - np.hypot(columns - x, rows - y)) / soft + 0.5, 0, 1))
    return np.rint(255 * alpha).astype(np.uint8)


SUBJECT = (400, 270, 180)


def test_what_is_off_alters_nothing() -> None:
    matte = matte_of(SUBJECT)
    assert shaped(matte, Shape()) is matte


def test_no_step_writes_into_the_matte_it_is_given() -> None:
    matte = matte_of(SUBJECT, (800, 100, 10))
    before = matte.copy()
    shaped(matte, Shape(0.1, 0.9, 0.01, 0.01, 3, 8, True))
    np.testing.assert_array_equal(matte, before)


def test_levels_cut_off_and_stretch() -> None:
    matte = np.array([[0, 25, 26, 128, 230, 255]], np.uint8)
    np.testing.assert_array_equal(shaped(matte, Shape(black=0.1, white=0.9)), [[0, 0, 1, 128, 255, 255]])
    np.testing.assert_array_equal(shaped(matte, Shape(black=0.5, white=0.5)), [[0, 0, 0, 255, 255, 255]])


@pytest.mark.parametrize("speck", [(800, 100, 12), (800, 100, 1), (0, 0, 15), (959, 300, 9)])
def test_a_speck_goes_with_its_soft_edge_and_the_subject_stays(speck: tuple[float, float, float]) -> None:
    """Also one of a single pixel, and at the picture's rim."""
    alone = matte_of(SUBJECT, soft=8)
    found = without_specks(np.maximum(alone, matte_of(speck, soft=8)), 0.002)
    np.testing.assert_array_equal(found, alone)


def test_pieces_are_weighed_by_their_alpha() -> None:
    """A disc of 40 pixels is .97% of the picture."""
    matte = matte_of(SUBJECT, (800, 100, 40))
    assert without_specks(matte, 0.009) is matte
    np.testing.assert_array_equal(without_specks(matte, 0.0105), matte_of(SUBJECT))
    faint = np.maximum(matte_of(SUBJECT), matte_of((800, 100, 40)) // 2)
    np.testing.assert_array_equal(without_specks(faint, 0.006), matte_of(SUBJECT))


def test_a_speck_beside_the_subject_goes_and_the_subjects_hard_edge_stays() -> None:
    alone = matte_of(SUBJECT, soft=1)
    found = without_specks(np.maximum(alone, matte_of((400 + 180 + 18, 270, 7), soft=1)), 0.002)
    np.testing.assert_array_equal(found, alone)


def test_holes_are_filled_where_they_are_enclosed_and_small() -> None:
    whole = matte_of(SUBJECT)
    small, large = matte_of((340, 250, 14)), matte_of((470, 300, 60))
    found = without_holes(whole - np.maximum(small, large), 0.005)
    np.testing.assert_array_equal(found, whole - large)
    np.testing.assert_array_equal(without_holes(whole - np.maximum(small, large), 0.05), whole)


def test_what_is_open_to_the_rim_is_no_hole() -> None:
    """A subject that the picture's lower rim cuts, with a notch there."""
    matte = np.full((HEIGHT, WIDTH), 255, np.uint8)
    matte[-20:, 400:420] = 0
    assert without_holes(matte, 0.5) is matte


def test_a_speck_in_a_hole_does_not_keep_it_open() -> None:
    whole = matte_of(SUBJECT)
    matte = np.maximum(whole - matte_of((400, 270, 40)), matte_of((400, 270, 8)))
    np.testing.assert_array_equal(shaped(matte, Shape(specks=0.002, holes=0.02)), whole)


def radius(matte: np.ndarray) -> tuple[float, float]:
    """Nearest pixel below one half, and farthest above, from the subject's middle."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(columns - SUBJECT[0], rows - SUBJECT[1])
    return away[matte < 128].min(), away[matte > 127].max()


@pytest.mark.parametrize("pixels", [1, 2, 3, 5, 8, 13, 40, -1, -2, -5, -13, -40])
def test_growing_moves_the_edge_that_far_and_leaves_it_as_soft(pixels: int) -> None:
    matte = matte_of(SUBJECT, soft=8)
    found = grown(matte, pixels)
    nearest, farthest = radius(found)
    assert SUBJECT[2] + pixels - 0.09 * abs(pixels) - 1.5 <= nearest
    assert farthest <= SUBJECT[2] + pixels + 0.09 * abs(pixels) + 1.5
    ramps = [np.count_nonzero((row > 12) & (row < 243)) for row in (matte[270], found[270])]
    assert abs(ramps[0] - ramps[1]) <= 2


def test_a_subject_that_the_rim_cuts_is_not_shrunk_nor_softened_from_there() -> None:
    matte = np.zeros((HEIGHT, WIDTH), np.uint8)
    matte[200:, 300:700] = 255
    found = shaped(matte, Shape(grow=-10, feather=20))
    assert (found[300:, 350:650] == 255).all()
    assert not found[:175].any()


@pytest.mark.parametrize("pixels", [4.0, 6.5, 12.0, 30.0, 90.0])
def test_a_feather_reaches_as_far_as_it_says(pixels: float) -> None:
    """An edge becomes an error function of pixels / 2 deviation, at sizes that no reduction divides as well."""
    matte = np.zeros((301, 601), np.uint8)
    matte[:, 300:] = 255
    row = feathered(matte, pixels)[150].astype(float) / 255
    at = np.arange(601) - 299.5
    assert row[(at < -pixels)].max() < 0.03 and row[(at > pixels)].min() > 0.97
    assert abs(np.interp(0, at, row) - 0.5) < 0.01
    assert np.interp(pixels / 2, at, row) == pytest.approx(0.841, abs=0.02)


def test_invert_comes_last() -> None:
    matte = matte_of(SUBJECT, (800, 100, 10))
    shape = Shape(specks=0.002, grow=4)
    found = shaped(matte, Shape(specks=0.002, grow=4, invert=True))
    np.testing.assert_array_equal(found, 255 - shaped(matte, shape))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 700), (9, 4000), (1081, 7)])
def test_a_picture_may_have_any_size(size: tuple[int, int]) -> None:
    matte = cv2.GaussianBlur(np.random.default_rng(4).integers(0, 256, size, np.uint8), (0, 0), 3)
    for shape in (Shape(0.1, 0.9, 0.01, 0.01, 5, 30, True), Shape(grow=-3, feather=1)):
        found = shaped(matte, shape)
        assert (found.shape, found.dtype) == (size, np.uint8)
