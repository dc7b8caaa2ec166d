# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a matte is from the truth. Mattes and colours are uint8, or float on 0..1; every error is on 0..1, 0 is best.

The sums of the sources depend on the picture's size; here all are means, so that clips of any size compare.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

SIGMA = 1.4  # of the gradient error's Gaussian, pixels: Rhemann et al. 2009
BACKGROUNDS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 0.0))  # black, white, green, RGB


def unit(image: np.ndarray) -> np.ndarray:
    """The same as float32 on 0..1."""
    return image.astype(np.float32) / (255.0 if image.dtype == np.uint8 else 1.0)


def mae(alpha: np.ndarray, truth: np.ndarray) -> float:
    """Mean absolute difference of two mattes (H, W): SAD of Rhemann et al. 2009, divided by the number of pixels."""
    return float(np.mean(np.abs(unit(alpha) - unit(truth)), dtype=np.float64))


def mse(alpha: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared difference of two mattes (H, W): Rhemann et al. 2009."""
    return float(np.mean((unit(alpha) - unit(truth)) ** 2, dtype=np.float64))


def gradient(alpha: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared difference of the mattes' gradient magnitudes: Rhemann et al. 2009, "A perceptually motivated online
    benchmark for image matting", with q = 2; the authors sum over pixels and divide by 1000.

    The gradient is that of first derivatives of a Gaussian of SIGMA, normalised as in the authors' code: each filter's
    samples have the Euclidean norm 1.
    """
    return float(np.mean((slope(alpha) - slope(truth)) ** 2, dtype=np.float64))


def slope(alpha: np.ndarray) -> np.ndarray:
    """(H, W) float32: length of the gradient of a matte by the filters of `gradient`."""
    # Half the filter's width: where its samples fall below 1% of the peak, as the authors cut it off.
    half = int(np.ceil(SIGMA * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * SIGMA * 0.01))))
    at = np.arange(-half, half + 1)
    bell = np.exp(-(at**2) / (2 * SIGMA**2))
    rise = at * bell  # cv2 correlates: positive where the matte grows
    bell, rise = bell / np.linalg.norm(bell), rise / np.linalg.norm(rise)
    plane = unit(alpha)
    across = cv2.sepFilter2D(plane, cv2.CV_32F, rise, bell, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(plane, cv2.CV_32F, bell, rise, borderType=cv2.BORDER_REPLICATE)
    return cv2.magnitude(across, down)


def iou(alpha: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of the areas above one half (Jaccard); 1 is best, and is that of two empty mattes."""
    found, wanted = unit(alpha) > 0.5, unit(truth) > 0.5
    either = np.count_nonzero(found | wanted)
    return np.count_nonzero(found & wanted) / either if either else 1.0


def dtssd(alphas: Iterable[np.ndarray], truths: Iterable[np.ndarray]) -> float:
    """Error of the change from frame to frame: Erofeev et al. 2015, "Perceptually motivated benchmark for video
    matting". For each pair of neighbours the root of the mean squared difference of the two changes; their mean.

    The authors' dtSSD sums over pixels before the root. NaN for fewer than two frames.
    """
    steps, before = [], None
    for alpha, truth in zip(alphas, truths, strict=True):
        error = unit(alpha) - unit(truth)  # the difference of changes is the change of differences
        if before is not None:
            steps.append(np.sqrt(np.mean((error - before) ** 2, dtype=np.float64)))
        before = error
    return float(np.mean(steps or [np.nan]))


def edge_colour(colour: np.ndarray, alpha: np.ndarray, true_colour: np.ndarray, true_alpha: np.ndarray) -> float:
    """Mean absolute error of the composite over black, white and green, where the true alpha is neither 0 nor 1.

    colour: (H, W, 3) RGB, straight; alpha: (H, W). It is what an editor sees of an edge: alpha's error and the old
    background's colour that is left. NaN where no pixel is soft.
    """
    soft = (true_alpha > 0) & (true_alpha < (255 if true_alpha.dtype == np.uint8 else 1))
    if not soft.any():
        return float("nan")
    alpha, true_alpha = unit(alpha[soft])[:, None], unit(true_alpha[soft])[:, None]
    colour, true_colour = unit(colour[soft]), unit(true_colour[soft])
    over = [np.array(background, np.float32) for background in BACKGROUNDS]
    errors = [alpha * colour - true_alpha * true_colour - (alpha - true_alpha) * behind for behind in over]
    return float(np.mean(np.abs(errors), dtype=np.float64))


MATTE_ERRORS = {"mae": mae, "mse": mse, "gradient": gradient, "iou": iou}
"""What is said of a pair of mattes."""


def judge(images: Iterable[np.ndarray], truths: Iterable[np.ndarray]) -> dict[str, float]:
    """Every figure of a sequence of cutouts (H, W, 4), straight RGBA, beside the true ones: means over the frames.

    Only two frames are held at a time. Frames without a soft pixel are left out of edge_colour.
    """
    found: dict[str, list[float]] = {name: [] for name in (*MATTE_ERRORS, "edge_colour", "dtssd")}
    before: tuple[np.ndarray, np.ndarray] | None = None
    for image, truth in zip(images, truths, strict=True):
        alpha, true = image[..., 3], truth[..., 3]
        for name, error in MATTE_ERRORS.items():
            found[name].append(error(alpha, true))
        found["edge_colour"].append(edge_colour(image[..., :3], alpha, truth[..., :3], true))
        if before is not None:
            found["dtssd"].append(dtssd((before[0], alpha), (before[1], true)))
        before = alpha, true
    known = {name: [value for value in values if not np.isnan(value)] for name, values in found.items()}
    return {name: float(np.mean(values or [np.nan])) for name, values in known.items()}
