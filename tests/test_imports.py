"""Start-up stays light: held by which modules are loaded, since time depends on the machine."""

import subprocess
import sys

import pytest

HEAVY = {"jinja2", "llvmlite", "matplotlib", "numba", "numpy", "pandas", "pydantic", "scipy", "simpy"}
SHOWN = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded_after(code: str) -> set[str]:
    """Top-level modules loaded once `code` has run in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{SHOWN}"], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_import_sim_loads_nothing_heavy() -> None:
    assert not loaded_after("import sim") & (HEAVY | {"rich", "ruamel", "typer"})


def test_public_face_is_listed_without_loading_it() -> None:
    code = "import sim\nassert {'load', 'run', 'theory', 'plan', 'report'} <= set(dir(sim)), dir(sim)"
    assert not loaded_after(code) & HEAVY


def test_unknown_name_is_an_attribute_error() -> None:
    import sim

    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = sim.no_such_thing


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    loaded = loaded_after(f"from sim.cli.app import main\nassert main({words!r}) == 0")
    assert not loaded & HEAVY


@pytest.mark.parametrize("words", [["run", "--help"], ["report", "--help"], ["init", "--list"]])
def test_a_verb_loads_what_it_needs_alone(words: list[str]) -> None:
    loaded = loaded_after(f"from sim.cli.app import main\nassert main({words!r}) == 0")
    assert not loaded & (HEAVY - {"pydantic"})  # with which typer reads an option's value


def test_completion_loads_nothing_heavy() -> None:
    code = "from sim.cli.files import complete_scenario\nassert complete_scenario('')"
    assert not loaded_after(code) & (HEAVY | {"rich", "ruamel"})


def test_reading_a_scenario_needs_no_engine() -> None:
    loaded = loaded_after("import sim\nfrom sim.shipped import shipped\nsim.load(shipped()['mm1'])")
    assert not loaded & {"numba", "pandas", "matplotlib", "simpy", "jinja2"}
