"""Did you mean: the known word that is nearest to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, or "" if none is much like it."""
    candidates = {one.lower(): one for one in known}
    wrong = word.lower()[:100]
    found = get_close_matches(wrong, candidates, n=1, cutoff=0.6)
    if found:
        return candidates[found[0]]
    # difflib finds no likeness between a word and a much longer one that begins with it.
    longer = [one for one in candidates if len(wrong) >= 3 and one.startswith(wrong)]
    return candidates[longer[0]] if len(longer) == 1 else ""
