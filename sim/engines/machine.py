"""The kernel's machine code: made by numba once for a version, kept in a file, and loaded from there without numba."""

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

FILE: Final = "kernel.bin"

CONVENTION: Final = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
)
"""(where the result goes, where an error goes, the two arguments) -> 0 if there is no error; without Python's lock."""

OF_PLAIN: Final = ".plain"
"""Behind the symbol of a kernel: that of the one for plain scenarios."""

OF_C: Final = {"numba_frexp": "frexp", "numba_ldexp": "ldexp"}
"""Functions of C that numba calls by names of its own."""

_preparing = threading.Lock()


@dataclass(frozen=True)
class MachineCode:
    """An object file, and the symbol in it that is called; the same with `OF_PLAIN` behind it for plain scenarios."""

    symbol: str
    code: bytes

    def write(self, file: Path) -> None:
        """Keeps it; whoever reads at the same time finds the file whole or not at all."""
        content = f"{self.symbol}\n".encode() + self.code
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
            part.write(hashlib.sha256(content).digest() + content)
        Path(part.name).replace(file)

    @classmethod
    def read(cls, file: Path) -> MachineCode:
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
        self._calls: tuple[Callable[..., int], ...] = ()
        self._holder: Any = None

    def __call__(self, one: int, other: int, *, plain: bool = False) -> int:
        """Calls it, as it is made for every scenario or for plain ones; it is prepared before, if it is not yet."""
        if not self._calls:
            self.prepare()
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        if self._calls[plain](ctypes.byref(result), ctypes.byref(error), one, other) != 0:
            raise RuntimeError("the machine code has raised an error, which none of its functions does")
        return result.value

    def prepare(self) -> None:
        """Loads what is kept, or compiles, which is announced; once a process."""
        with _preparing, cache.interrupted_afterwards():
            if not self._calls:
                place = cache.folder()
                self._load((_kept(place) if place is not None else None) or self._made(place))

    def _made(self, place: Path | None) -> MachineCode:
        _tell("compiling the engine, once for this version: half a minute at the most …")
        began = time.perf_counter()
        from sim.engines.parts import compiled_kernel

        made = MachineCode(*compiled_kernel(self.function))
        if place is not None:
            made.write(place / FILE)
        _tell(f"compiled in {time.perf_counter() - began:.0f} s")
        return made

    def _load(self, machine: MachineCode) -> None:
        from llvmlite import binding

        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        _make_known(binding)
        target = binding.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
        self._holder = binding.create_mcjit_compiler(binding.parse_assembly(""), target)
        self._holder.add_object_file(binding.ObjectFileRef.from_data(machine.code))
        self._holder.finalize_object()
        symbols = (machine.symbol, machine.symbol + OF_PLAIN)
        self._calls = tuple(CONVENTION(self._holder.get_function_address(each)) for each in symbols)


def _make_known(binding: Any) -> None:
    """Tells LLVM where those functions of C are that it would not find by their names."""
    if sys.platform == "win32":  # where some are numba's own
        from numba.core import registry

        assert registry.cpu_target.target_context
        return
    for name, of_c in OF_C.items():
        binding.add_symbol(name, ctypes.cast(getattr(ctypes.CDLL(None), of_c), ctypes.c_void_p).value)


def _kept(place: Path) -> MachineCode | None:
    """What a folder keeps, if it can be used; a damaged file (a disk that was full) is cleared away."""
    try:
        return MachineCode.read(place / FILE)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _tell(f"the engine kept in {place} cannot be read ({error}): it is made anew")
        return None


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
