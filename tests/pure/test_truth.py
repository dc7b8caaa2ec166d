# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors by which mattes are judged, on mattes small enough to work them out by hand."""

import math

import cv2
import numpy as np
import pytest

from tools.truth import metrics

EMPTY, FULL = np.zeros((40, 60), np.uint8), np.full((40, 60), 255, np.uint8)


@pytest.fixture
def disc() -> np.ndarray:
    """(120, 160) uint8: a disc with a soft edge."""
    image = np.zeros((120, 160), np.uint8)
    cv2.circle(image, (80, 60), 35, 255, cv2.FILLED)
    return cv2.GaussianBlur(image, (0, 0), 2)


def half(value: int) -> np.ndarray:
    """A matte whose left half has this value."""
    image = EMPTY.copy()
    image[:, :30] = value
    return image


def test_a_matte_that_is_the_truth_has_no_error(disc):
    assert metrics.mae(disc, disc) == metrics.mse(disc, disc) == 0
    assert metrics.gradient(disc, disc) == pytest.approx(0, abs=1e-12)  # OpenCV's filters differ in the last bit
    assert metrics.iou(disc, disc) == 1
    assert metrics.dtssd([disc, disc], [disc, disc]) == 0


def test_mae_and_mse_are_means():
    assert metrics.mae(FULL, EMPTY) == metrics.mse(FULL, EMPTY) == 1
    assert metrics.mae(half(51), EMPTY) == pytest.approx(0.1)
    assert metrics.mse(half(51), EMPTY) == pytest.approx(0.02)


def test_bytes_and_floats_are_one(disc):
    numbers = disc / np.float32(255)
    assert metrics.mae(numbers, disc) == 0
    assert metrics.gradient(numbers, disc) == pytest.approx(0, abs=1e-12)


def test_iou():
    wide = EMPTY.copy()
    wide[:, :45] = 255
    assert metrics.iou(half(255), wide) == pytest.approx(30 / 45)
    assert metrics.iou(half(255), half(128)) == 1  # 128 is above one half
    assert metrics.iou(half(127), half(255)) == 0  # 127 is not
    assert metrics.iou(EMPTY, EMPTY) == 1


def test_the_slope_of_a_ramp_is_the_sum_of_the_filter():
    ramp = np.tile(np.arange(60, dtype=np.float32) / 100, (40, 1))
    at = np.arange(-4, 5)
    bell = np.exp(-(at**2) / (2 * 1.4**2))
    rise = at * bell
    expected = 0.01 * (at * rise).sum() / np.linalg.norm(rise) * bell.sum() / np.linalg.norm(bell)
    assert metrics.slope(ramp)[20, 30] == pytest.approx(expected, rel=1e-5)
    assert metrics.slope(ramp.T)[30, 20] == pytest.approx(expected, rel=1e-5)


def test_gradient_does_not_see_a_constant_but_a_soft_edge(disc):
    assert metrics.gradient(FULL, EMPTY) == pytest.approx(0, abs=1e-12)
    assert metrics.gradient(cv2.GaussianBlur(disc, (0, 0), 3), disc) > metrics.gradient(
        cv2.GaussianBlur(disc, (0, 0), 1), disc
    )


def test_dtssd_is_of_changes():
    still = [half(51)] * 3  # wrong, but it does not flicker
    assert metrics.dtssd(still, [EMPTY] * 3) == 0
    flicker = [EMPTY, half(51), EMPTY]
    assert metrics.dtssd(flicker, [EMPTY] * 3) == pytest.approx(0.2 * math.sqrt(0.5))
    assert metrics.dtssd(flicker, flicker) == 0  # a change that is true
    assert math.isnan(metrics.dtssd([EMPTY], [EMPTY]))


def test_sequences_of_two_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        metrics.dtssd([EMPTY, EMPTY], [EMPTY])


def test_edge_colour_counts_soft_pixels_only():
    alpha = np.array([[0, 51, 255]], np.uint8)
    true = np.full((1, 3, 3), 100, np.uint8)
    wrong = true.copy()
    wrong[0, [0, 2]] = 255
    assert metrics.edge_colour(wrong, alpha, true, alpha) == 0
    wrong[0, 1] = 200
    assert metrics.edge_colour(wrong, alpha, true, alpha) == pytest.approx(0.2 * 100 / 255)
    assert math.isnan(metrics.edge_colour(true[:, ::2], alpha[:, ::2], true[:, ::2], alpha[:, ::2]))


def test_edge_colour_over_the_three_backgrounds():
    colour, alpha = np.full((1, 1, 3), 255, np.uint8), np.full((1, 1), 51, np.uint8)
    # A matte of .4 instead of .2 of a white edge: wrong by .2 over black, right over white, and over green wrong by .2
    # in red and blue.
    assert metrics.edge_colour(colour, alpha * 2, colour, alpha) == pytest.approx(0.2 * (1 + 0 + 2 / 3) / 3)


def test_judge_gives_the_means_of_a_sequence(disc):
    colour = np.full((*disc.shape, 3), 90, np.uint8)
    truths = [np.dstack([colour, np.roll(disc, shift, axis=1)]) for shift in (0, 2, 4)]
    images = [np.dstack([colour, np.roll(disc, shift, axis=1)]) for shift in (0, 3, 4)]
    found = metrics.judge(iter(images), iter(truths))
    alphas, true = [i[..., 3] for i in images], [t[..., 3] for t in truths]
    assert found["mae"] == pytest.approx(np.mean([metrics.mae(*pair) for pair in zip(alphas, true, strict=True)]))
    assert found["iou"] == pytest.approx(np.mean([metrics.iou(*pair) for pair in zip(alphas, true, strict=True)]))
    assert found["dtssd"] == pytest.approx(metrics.dtssd(alphas, true))
    edges = [metrics.edge_colour(colour, a, colour, t) for a, t in zip(alphas, true, strict=True)]
    assert found["edge_colour"] == pytest.approx(np.mean(edges))
    assert set(found) == {"mae", "mse", "gradient", "iou", "edge_colour", "dtssd"}
