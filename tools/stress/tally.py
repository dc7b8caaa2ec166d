# SPDX-License-Identifier: GPL-3.0-or-later
"""What was tried, what survived, what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

TOLD = 12  # losses of one kind that are listed


@dataclass
class Tally:
    """One row of the table.

    name: what was done. survived: how often each good end came. lost: a text for each bad end: its kind, a tab, and
    what makes it happen again. facts: what was measured on the way. skipped: why nothing could be tried; empty else.
    """

    name: str
    survived: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def tried(self) -> int:
        return self.survived.total() + len(self.lost)

    def add(self, end: str, loss: str = "") -> None:
        """One more that ended so; `loss` where that is a loss."""
        if loss:
            self.lost.append(f"{end}\t{loss}")
        else:
            self.survived[end] += 1


def markdown(tallies: Iterable[Tally]) -> str:
    """The table, and below it the losses, those of one kind together."""
    tallies = list(tallies)
    lines = ["| what | tried | survived | lost | how |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [_row(tally) for tally in tallies]
    for tally in (tally for tally in tallies if tally.lost):
        lines += ["", f"### Lost: {tally.name}", *_losses(tally.lost)]
    return "\n".join(lines)


def _row(tally: Tally) -> str:
    how = [f"{number} {end}" for end, number in tally.survived.most_common()] + tally.facts
    if tally.skipped:
        how = [f"**SKIPPED: {tally.skipped}**"]
    cells = (tally.name, tally.tried, tally.survived.total(), len(tally.lost), "; ".join(how))
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"


def _losses(lost: Sequence[str]) -> list[str]:
    kinds = Counter(loss.partition("\t")[0] for loss in lost)
    lines = []
    for kind, number in kinds.most_common():
        lines.append(f"- {number} x {kind}")
        again = [loss.partition("\t")[2] for loss in lost if loss.partition("\t")[0] == kind]
        lines += [f"  - {text}" for text in again[:TOLD]]
        lines += [f"  - and {len(again) - TOLD} more"] if len(again) > TOLD else []
    return lines
