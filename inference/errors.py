# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that is meant for an editor's eyes."""


class MatteError(Exception):
    """A sentence for the editor: what happened and what to do."""
