# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tools.stress [PART[=COUNT] ...]`: the parts, each in a process of its own, and one table."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from .tally import Tally, markdown

COUNTS = {
    "kill": 100,
    "share": 40,
    "disk": 12,
    "movies": 500,
    "networks": 200,
    "manifests": 200,
    "pictures": 200,
    "names": 1,
    "length": 20_000,
}
"""The parts, and how much each does: kills, trials, or frames."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.stress", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", type=_part, metavar="PART[=COUNT]", help=", ".join(f"{p}={n}" for p, n in COUNTS.items())
    )
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: 1)")
    chosen = parser.parse_args()
    began = time.monotonic()
    tallies: list[Tally] = []
    for name, count in chosen.parts or COUNTS.items():
        for tally in importlib.import_module(f".{name}", __package__).run(count, chosen.seed):
            tallies.append(tally)
            state = f"SKIPPED: {tally.skipped}" if tally.skipped else f"{tally.tried} tried, {len(tally.lost)} lost"
            print(f"{time.monotonic() - began:5.0f} s  {tally.name}: {state}", file=sys.stderr, flush=True)
    print(markdown(tallies))
    return int(any(tally.lost for tally in tallies))


def _part(text: str) -> tuple[str, int]:
    name, _, count = text.partition("=")
    if name not in COUNTS or (count and not count.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(COUNTS)}")
    return name, int(count or COUNTS[name])


if __name__ == "__main__":
    sys.exit(main())
