"""Runs every notebook of a folder from clean, two at a time, and says how long each took."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LIMIT = 300  # seconds a cell may take


def run(path: Path) -> str:
    """Executes one notebook; raises with the failing cell's own traceback."""
    began = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(
        notebook, timeout=LIMIT, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    return f"{path.name}: {time.monotonic() - began:.0f} s"


def main(folder: Path) -> None:
    """Runs them all; a folder without notebooks is an error."""
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise SystemExit(f"no notebooks in {folder}")
    with ThreadPoolExecutor(2) as pool:
        for line in pool.map(run, reversed(paths)):  # the later ones take longest
            print(line, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
