"""The kernel's machine code: made once for a version and a kind of scenarios, kept in a file, loaded without numba."""

from __future__ import annotations

import ctypes
import hashlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.engines import cache
from sim.engines.kinds import GENERAL, KINDS

LINKED: Final = "kernel.bc"
"""The file of a kernel as numba has lowered and linked it; beside it is one of machine code for each kind."""

CONVENTION: Final = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
)
"""(where the result goes, where an error goes, the two arguments) -> 0 if there is no error; without Python's lock."""

OF_C: Final = {"numba_frexp": "frexp", "numba_ldexp": "ldexp"}
"""Functions of C that numba calls by names of its own."""

ONCE: Final = "compiling the engine, once for this version: some twenty seconds …"
ONCE_MORE: Final = "compiling the engine for {kind} scenarios, once for this version: some seconds …"

_preparing = threading.Lock()


@dataclass(frozen=True)
class Code:
    """A kernel as bitcode or as machine code, and the symbol in it that is called."""

    symbol: str
    code: bytes

    def write(self, file: Path) -> None:
        """Keeps it; whoever reads at the same time finds the file whole or not at all."""
        content = f"{self.symbol}\n".encode() + self.code
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
            part.write(hashlib.sha256(content).digest() + content)
        Path(part.name).replace(file)

    @classmethod
    def read(cls, file: Path) -> Code:
        """What was kept. Raises OSError, or ValueError if the file is damaged."""
        kept = file.read_bytes()
        content = kept[hashlib.sha256().digest_size :]
        if hashlib.sha256(content).digest() != kept[: -len(content)]:
            raise ValueError("it is damaged")
        symbol, _, code = content.partition(b"\n")
        return cls(symbol.decode(), code)


class Entry:
    """A function of two whole numbers that runs as machine code, with all that it calls; threads may run it at once."""

    def __init__(self, function: Callable[[int, int], int]) -> None:
        self.function = function
        self._calls: dict[int, Callable[..., int]] = {}
        self._holders: list[Any] = []
        self._linked: Code | None = None

    def __call__(self, one: int, other: int, kind: int = GENERAL) -> int:
        """Calls it as it is made for one kind of scenarios; that is prepared before, if it is not yet."""
        if kind not in self._calls:
            self.prepare(kind)
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        if self._calls[kind](ctypes.byref(result), ctypes.byref(error), one, other) != 0:
            raise RuntimeError("the machine code has raised an error, which none of its functions does")
        return result.value

    def prepare(self, kind: int = GENERAL) -> None:
        """Loads what is kept, or compiles, which is announced; once a process for each kind."""
        with _preparing, cache.interrupted_afterwards():
            if kind not in self._calls:
                place = cache.folder()
                self._load(_kept(place, f"{KINDS[kind]}.bin") or self._made(kind, place), kind)

    def _made(self, kind: int, place: Path | None) -> Code:
        linked = self._linked or _kept(place, LINKED)
        _tell(ONCE_MORE.format(kind=KINDS[kind]) if linked else ONCE)
        began = time.perf_counter()
        from sim.engines import parts

        if linked is None:
            linked = Code(*parts.linked_kernel(self.function))
            if place is not None:
                linked.write(place / LINKED)
        self._linked = linked
        made = Code(linked.symbol, parts.machine_code_of(linked.symbol, linked.code, kind))
        if place is not None:
            made.write(place / f"{KINDS[kind]}.bin")
        _tell(f"compiled in {time.perf_counter() - began:.0f} s")
        return made

    def _load(self, made: Code, kind: int) -> None:
        from llvmlite import binding

        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        _make_known(binding)
        target = binding.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
        holder = binding.create_mcjit_compiler(binding.parse_assembly(""), target)
        holder.add_object_file(binding.ObjectFileRef.from_data(made.code))
        holder.finalize_object()
        self._holders.append(holder)
        self._calls[kind] = CONVENTION(holder.get_function_address(made.symbol))


def _make_known(binding: Any) -> None:
    """Tells LLVM where those functions of C are that it would not find by their names."""
    if sys.platform == "win32":  # where some are numba's own
        from numba.core import registry

        assert registry.cpu_target.target_context
        return
    for name, of_c in OF_C.items():
        binding.add_symbol(name, ctypes.cast(getattr(ctypes.CDLL(None), of_c), ctypes.c_void_p).value)


def _kept(place: Path | None, name: str) -> Code | None:
    """What a folder keeps by this name, if it can be used; a damaged file (a disk that was full) is cleared away."""
    if place is None:
        return None
    try:
        return Code.read(place / name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _tell(f"the engine kept in {place} cannot be read ({error}): it is made anew")
        return None


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
