"""Builds the programs of `cimba.c`, from the C library in the source distribution of Cimba's Python package."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers.environments import Unavailable, carry_out, environment, place, variables
from benchmarks.peers.protocol import STATIONS

PACKAGE: Final = "cimba==0.9.6"
"""Of both routes; it carries version 3.0.0 of the library."""

TOOLS: Final = "meson==1.12.1 ninja==1.13.2"
MAIN: Final = Path(__file__).with_name("cimba.c")
HEADERS: Final = "-include assert.h -include stdbool.h"
"""C23 needs neither header for `static_assert` and `bool`; compilers that know only a draft of it do."""

FLAGS: Final = (
    f"-std=c2x {HEADERS} -O3 -DNDEBUG -DNLOGINFO -D_POSIX_C_SOURCE=200809L -flto "
    "-ftls-model=initial-exec -fno-semantic-interposition -ffp-contract=off"
).split()
"""Those of the library's own release build."""

UNCHECKED: Final = ["-DNASSERT", "-DNMXCSR"]
"""The checks of arguments that its fastest documented build leaves out."""

OPTIONS: Final = ["-Denable_docs=false", "-Denable_extras=false", "-Ddefault_library=static"]
VARIANTS: Final[dict[str, list[str]]] = {"": [], "statistics": ["-DSTATISTICS"]}
TRAINING: Final = 500_000
"""Requests of each station from which the profile is made."""


def program(build: str, variant: str) -> Path:
    """The program of a `release` or `pgo` build, in a variant; built unless it is there."""
    folder = place() / PACKAGE.replace("cimba==", "cimba-c-")
    made = folder / "-".join(["cimba", build, *([variant] if variant else [])])
    if made.exists() and made.stat().st_mtime > MAIN.stat().st_mtime:
        return made
    missing = [tool for tool in ("gcc", "nasm") if shutil.which(tool) is None]
    if missing:
        raise Unavailable(
            f"its C library is built from source, and there is no {' and no '.join(missing)} here"
        )
    workshop = Workshop(folder, environment(PACKAGE), environment(TOOLS).parent)
    sys.stderr.write(f"building {made.name} …\n")
    if build == "release":
        workshop.release(made.name, VARIANTS[variant])
    else:
        workshop.trained(made.name, VARIANTS[variant])
    return made


@dataclass(frozen=True)
class Workshop:
    """Where programs are built.

    Attributes:
        folder: for everything.
        python: whose pip fetches the sources.
        tools: the folder of meson and ninja.
    """

    folder: Path
    python: Path
    tools: Path

    def carry_out(self, *command: str) -> None:
        """Runs a step of the build."""
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        carry_out([*command], self.folder, variables() | {"PATH": path, "CFLAGS": HEADERS, "CC": "gcc"})

    @property
    def source(self) -> Path:
        """The C library's sources; fetched unless they are there."""
        unpacked = self.folder / PACKAGE.replace("==", "-")
        if not unpacked.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            pip = [str(self.python), "-m", "pip", "download", "-q", "--no-deps"]
            self.carry_out(*pip, "--no-binary", "cimba", "-d", ".", PACKAGE)
            with tarfile.open(self.folder / f"{unpacked.name}.tar.gz") as archive:
                archive.extractall(self.folder, filter="data")
        return unpacked / "subprojects" / "cimba"

    def release(self, name: str, flags: list[str]) -> None:
        """Meson's default build."""
        library = self.folder / "build-release"
        if not (library / "src" / "libcimba.a").exists():
            self.library(library)
        self.link(name, library, [*FLAGS, *flags])

    def trained(self, name: str, flags: list[str]) -> None:
        """A build guided by a profile of this very program on the three stations."""
        library = self.folder / f"build-{name}"
        flags = [*FLAGS, *UNCHECKED, *flags]
        self.library(library, "-Dpgo=generate")
        trainee = f"{name}-in-training"
        self.link(trainee, library, [*flags, "-fprofile-generate"])
        for model in STATIONS:
            self.carry_out(str(self.folder / trainee), *words(model, TRAINING, 1))
        self.carry_out("meson", "configure", str(library), "-Dpgo=use")
        self.carry_out("ninja", "-C", str(library))
        self.link(name, library, [*flags, "-fprofile-use", "-fprofile-correction"])

    def library(self, library: Path, *options: str) -> None:
        """Builds the library from nothing."""
        shutil.rmtree(library, ignore_errors=True)
        self.carry_out("meson", "setup", str(library), str(self.source), *OPTIONS, *options)
        self.carry_out("ninja", "-C", str(library))

    def link(self, name: str, library: Path, flags: list[str]) -> None:
        """Compiles `cimba.c` and links it; the object's name is that of the library, by which a profile is found."""
        compiled = f"{library.name}.o"
        includes = [f"-I{self.source / folder}" for folder in ("include", "src")]
        self.carry_out("gcc", *flags, *includes, "-c", str(MAIN), "-o", compiled)
        archive = str(library / "src" / "libcimba.a")
        self.carry_out("gcc", *flags, compiled, archive, "-lm", "-lpthread", "-o", name)


def words(model: str, requests: int, seed: int) -> list[str]:
    """How a program is asked."""
    station = STATIONS[model]
    return [str(number) for number in (station.rate, station.workers, station.inside or 0, requests, seed)]
