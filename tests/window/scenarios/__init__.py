# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold in a real window.

Each public function of a module here is one scenario, run in a Blender of its own; each `yield` lets the window live.
"""
