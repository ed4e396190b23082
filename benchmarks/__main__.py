"""`python -m benchmarks WHICH`: measures, prints, writes pages under docs/; `all` is every one in turn."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

WHICH = (
    "speed",
    "peers",
    "scale",
    "mechanisms",
    "basin",
    "memory",
    "startup",
    "cluster",
    "sweep",
    "rare",
    "plan",
    "coverage",
    "precision",
)


def carry_out(which: str, options: argparse.Namespace) -> bool:
    """One of the benchmarks; whether its limits are kept."""
    # Imported one by one: the memory of one must not be that of another.
    if which == "peers":
        from benchmarks import against

        return against.main(options.rounds)
    if which == "plan":
        from benchmarks import plan

        return plan.main(options.seeds)
    if which == "coverage":
        from benchmarks import coverage

        return coverage.main(options.seeds, options.deep, options.only)
    kept: bool = import_module(f"benchmarks.{which}").main()
    return kept


def main() -> int:
    """Runs what was asked for; exit 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("which", choices=[*WHICH, "all"])
    parser.add_argument("--rounds", type=int, default=5, help="peers: rounds of every tool in turn (5)")
    parser.add_argument("--seeds", type=int, default=100, help="plan, coverage: seeds of each case (100)")
    parser.add_argument(
        "--deep", type=int, default=400, help="coverage: seeds of the closely studied cases (400)"
    )
    parser.add_argument("--only", nargs="*", help="coverage: cases by name; the page is then not written")
    options = parser.parse_args()
    kept = [carry_out(which, options) for which in WHICH if options.which in (which, "all")]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
