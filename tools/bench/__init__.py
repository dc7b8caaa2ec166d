# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast, beside what an editor could run instead, and at which error: docs/speed.md. `python -m tools.bench --help`.

clips.py: what is matted. cases.py: with what. workers.py: what runs in processes of its own. measure.py: a case's
figures. truth.py, growth.py, timeline.py: errors, long clips, one job. tables.py, svg.py: how it is told.
"""
