# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests without Blender share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bunny() -> Path:
    """Big Buck Bunny, 1280 x 720, 25 fps, 132 frames."""
    return ROOT / "build" / "clips" / "bigbuckbunny.mp4"
