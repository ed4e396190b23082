"""`python -m benchmarks speed|memory|startup|coverage|all`: measures, prints, writes the pages under docs/."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Runs what was asked for; exit 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("which", choices=["speed", "memory", "startup", "coverage", "all"])
    parser.add_argument("--seeds", type=int, default=100, help="coverage: seeds of each case (100)")
    parser.add_argument(
        "--deep", type=int, default=400, help="coverage: seeds of the closely studied cases (400)"
    )
    parser.add_argument("--only", nargs="*", help="coverage: cases by name; the page is then not written")
    options = parser.parse_args()
    kept = True
    for which in ("speed", "memory", "startup", "coverage"):
        if options.which not in (which, "all"):
            continue
        # Imported one by one: the memory of one must not be that of another.
        if which == "speed":
            from benchmarks import speed

            kept &= speed.main()
        elif which == "memory":
            from benchmarks import memory

            kept &= memory.main()
        elif which == "startup":
            from benchmarks import startup

            kept &= startup.main()
        else:
            from benchmarks import coverage

            kept &= coverage.main(options.seeds, options.deep, options.only)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
