"""How an attempt ends, as its client sees it: the words and their numbers, for rules, engines and tables alike."""

from __future__ import annotations

from typing import Final

OUTCOMES: Final = ("open", "served", "rejected", "timeout", "error", "lost", "denied", "cancelled")
OPEN, SERVED, REJECTED, TIMEOUT, ERROR, LOST, DENIED, CANCELLED = range(8)
"""`open`: not yet known. `denied`: never sent, as the client's own side forbade it. `cancelled`: a hedge called off."""

FIRST, HEDGE = OPEN, 8
"""What a guard is told of the try before, where there was none to fail: a request's first attempt; a hedge beside one
that is still awaited."""
