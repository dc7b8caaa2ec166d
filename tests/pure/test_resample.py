# SPDX-License-Identifier: GPL-3.0-or-later
"""The reduction is Pillow's antialiased Lanczos."""

import numpy as np
import pytest
from PIL import Image

from inference.resample import reduce


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (97, 331), (320, 320), (50, 2000), (120, 160)])
def test_reduction_is_pillows(height: int, width: int) -> None:
    """Also where a side grows. Pillow rounds and clips to bytes after each of its passes; ours does neither."""
    noise = np.random.default_rng(1).integers(80, 176, (height, width, 3), np.uint8)
    ours = reduce(noise, 320, 320).clip(0, 255).transpose(1, 2, 0)
    theirs = np.asarray(Image.fromarray(noise).resize((320, 320), Image.Resampling.LANCZOS), np.float32)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < 0.5
    assert np.abs(ours - theirs).max() < 4
