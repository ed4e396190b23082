"""Shipped scenarios: the files of `configs/`, found from a checkout and from an installed wheel alike."""

import os
from pathlib import Path

SUFFIXES = (".yaml", ".yml")


def configs_directory() -> Path:
    """The folder of shipped scenarios: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def shipped() -> dict[str, Path]:
    """Every shipped scenario by its name, the file's name without its suffix, in alphabetical order."""
    directory = configs_directory()
    found = (path for path in directory.glob("*") if path.suffix in SUFFIXES) if directory.is_dir() else ()
    return {path.stem: path for path in sorted(found)}


def meant(name: str | os.PathLike[str]) -> Path:
    """The file that is called so: what is there, else the shipped scenario of that name, else the path as it is."""
    path = Path(name)
    bare = str(name).removesuffix(".yaml").removesuffix(".yml")
    return path if path.is_file() else shipped().get(bare, path)


def question(path: Path) -> str:
    """The question that a shipped scenario asks: the first comment of its file, "" when there is none."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip()
            if not text.startswith("#"):
                return ""
            words = text.lstrip("#").strip()
            if words and not words.startswith("yaml-language-server"):
                return words
    return ""
