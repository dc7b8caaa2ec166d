# SPDX-License-Identifier: GPL-3.0-or-later
"""Every timeline frame of a strip, under every condition: the source frame that we name is the one that is shown."""

from pathlib import Path

import conditions
import pytest


@pytest.mark.parametrize("name", conditions.CLIPS)
@pytest.mark.parametrize("condition", conditions.CONDITIONS, ids=lambda condition: condition.__name__)
def test_each_timeline_frame_is_blenders(blender, tmp_path: Path, condition: conditions.Condition, name: str) -> None:
    assert conditions.measure(condition, name, tmp_path).wrong == ()
