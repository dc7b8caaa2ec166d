# SPDX-License-Identifier: GPL-3.0-or-later
"""One module a language. LOCALE is Blender's name for it. TEXTS has what the interface says, each without line breaks,
and what it says in that language; # stands for a number. What is left out stays English.
"""
