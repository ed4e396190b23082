"""Work on threads: in order, with its first error, and stopped by Ctrl-C wherever it is."""

import signal
import threading
import time

import pytest

from sim.study.threads import Stopped, Tell, on_threads


def test_results_are_in_order_and_progress_is_told() -> None:
    told: list[float] = []

    def work(place: int, tell: Tell) -> int:
        time.sleep(0.05 if place == 0 else 0.02)
        tell(0.5)
        return place * place

    assert on_threads(work, 30, 3, told.append) == [place * place for place in range(30)]
    assert told == sorted(told)
    assert all(0.0 < share <= 1.0 for share in told)
    assert on_threads(work, 0) == []


def test_the_first_error_stops_the_others() -> None:
    begun: list[int] = []

    def work(place: int, tell: Tell) -> None:
        begun.append(place)
        tell(0.5)
        if place == 3:
            raise ValueError("third")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="third"):
        on_threads(work, 10_000, 2)
    assert len(begun) < 100


@pytest.mark.parametrize("after", [0.05, 0.2, 0.35])
def test_an_interrupt_stops_many_small_pieces_and_keeps_what_is_done(after: float) -> None:
    # Many thousands of pieces: whoever waits for futures of them holds locks in the moment of the interrupt.
    main = threading.get_ident()
    timer = threading.Timer(after, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()

    def work(place: int, tell: Tell) -> int:
        time.sleep(0.0005)
        tell(0.0)
        return place

    with pytest.raises(Stopped) as stopped:
        on_threads(work, 200_000, 2)
    timer.join()
    assert 0 < len(stopped.value.done) < 200_000
    assert all(place == result for place, result in stopped.value.done.items())
