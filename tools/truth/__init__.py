# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips whose alpha and foreground colour are known exactly, to judge mattes with: clips.py, metrics.py."""
