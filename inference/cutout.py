# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture and its map to an image with alpha."""

import cv2
import numpy as np


def matte_at_full_size(map_: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bring a map (h, w) float32 in 0..1 to (height, width) uint8, 0 transparent to 255 opaque. Cubic."""
    full = cv2.resize(map_, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.convertScaleAbs(np.maximum(full, 0.0, out=full), alpha=255.0)  # rounds, and saturates above


def cutout(picture: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Straight alpha: the picture's own colour under every alpha, 0 included.

    picture: (H, W, 3) uint8 RGB, or (H, W, 4) with an alpha of its own, which multiplies the matte.
    matte: (H, W) uint8. Returns (H, W, 4) uint8 RGBA.
    """
    if picture.shape[2] == 4:
        matte = cv2.multiply(matte, picture[..., 3], scale=1 / 255)
    image = np.empty((*matte.shape, 4), np.uint8)
    cv2.mixChannels([picture, matte], [image], [0, 0, 1, 1, 2, 2, picture.shape[2], 3])
    return image
