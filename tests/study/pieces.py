"""Pieces of work that other processes can import: slow ones, wrong ones, and one that kills its worker once."""

import os
import signal
import time
from pathlib import Path

from sim.study.threads import Tell


def square(number: int, tell: Tell) -> int:
    """A quick piece."""
    tell(0.5)
    return number * number


def refuse_three(number: int, tell: Tell) -> int:
    """A piece that is wrong at 3."""
    if number == 3:
        raise ValueError("third")
    return square(number, tell)


def wait(number: int, tell: Tell) -> int:
    """A piece of half a minute, unless it is told to stop; 0 is quick."""
    for _ in range(300 if number else 0):
        tell(0.0)
        time.sleep(0.1)
    return number


def kill_once(folder: str, number: int, tell: Tell) -> int:
    """A piece whose worker is killed in its midst, the first time that it is done."""
    tried = Path(folder, f"tried {number}")
    if number % 10 == 7 and not tried.exists():
        tried.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number, tell)


def kill(number: int, tell: Tell) -> int:
    """A piece that no worker survives."""
    os.kill(os.getpid(), signal.SIGKILL)
    return square(number, tell)
