# SPDX-License-Identifier: GPL-3.0-or-later
"""`make stress`: what is killed, starved of room and fed rubbish, on purpose and many times. Linux only.

Each part is a module with `run(count, seed)`, which yields tallies. Nothing here mends anything: what is lost is told
with what makes it happen again.
"""
