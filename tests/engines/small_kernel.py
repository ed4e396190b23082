"""A kernel of one line, made, kept and loaded as the engine is: `python small_kernel.py` adds two numbers."""

import sys

from sim.engines import machine


@machine.Entry
def add(one: int, other: int) -> int:
    return one + other


if __name__ == "__main__":
    sys.stdout.write(f"{add(2, -5)}\n")
