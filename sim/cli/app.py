"""The command `forebay`: its verbs, and the one place where an error becomes a message and an exit status.

Exit: 0 ok, 1 internal, 2 usage, 3 invalid scenario, 4 objective missed, 5 inconclusive, 130 interrupted.
"""

import errno
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from sim.cli import (
    check,
    compare,
    explain,
    forecast,
    headroom,
    init,
    plan,
    rare,
    report,
    run,
    schema,
    sensitivity,
    stability,
    sweep,
    theory,
    validate,
)
from sim.cli.status import INTERNAL, INTERRUPTED, USAGE
from sim.cli.terminal import Terminal
from sim.errors import ForebayError, ScenarioError

ANYWHERE = ("--quiet", "-q", "--no-color")  # understood before the verb as well as after it

app = typer.Typer(
    name="forebay",
    help="Simulates producers, bounded queues, workers and retrying clients, and sizes them.",
    epilog="Every verb explains itself: forebay run --help. Exit: 0 ok, 1 internal error or lost workers, 2 usage, "
    "3 invalid scenario, 4 objective missed, 5 inconclusive, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich would triple the time that --help takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS = {
    module.__name__.rpartition(".")[2]: module.command
    for module in (
        init,
        validate,
        schema,
        explain,
        run,
        theory,
        report,
        compare,
        check,
        sweep,
        plan,
        headroom,
        forecast,
        rare,
        sensitivity,
        stability,
    )
}
for _name, _verb in VERBS.items():
    app.command(_name)(_verb)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            Terminal().write(f"forebay {version('forebay')}")
        except PackageNotFoundError:
            Terminal().write("forebay, from a checkout that is not installed")
        raise typer.Exit


@app.callback()
def _forebay(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version  # its callback has done the work


def main(arguments: Sequence[str] | None = None) -> int:
    """Carries out one command line and returns its exit status; never lets a traceback out."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    boundary = _Boundary()
    with boundary:
        boundary.status = _carry_out(words)
    return boundary.status


def command_line() -> NoReturn:
    """The process: carries out its own command line, and ends with that exit status."""
    status = main()
    if status == INTERRUPTED:
        # Python ends by the signal, whatever the status, if Ctrl-C has met code made of a text, such as a namedtuple's.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed, or a pipe that nobody reads
                stream.flush()
        os._exit(status)
    raise SystemExit(status)


def _carry_out(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        # An old terminal that cannot show λ shows a question mark instead of failing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    status = get_command(app).main(_flags_last(words), prog_name="forebay", standalone_mode=False)
    if status == INTERRUPTED:  # typer has made a status of Ctrl-C
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


def _flags_last(words: list[str]) -> list[str]:
    """Moves flags that every verb takes from before the verb to behind it."""
    count = next((at for at, word in enumerate(words) if word not in ANYWHERE), len(words))
    return [*words[count : count + 1], *words[:count], *words[count + 1 :]]


class _Boundary:
    """Turns whatever is raised inside into a message on stderr and a `status`."""

    status = 0

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Says what went wrong; lets only SystemExit through."""
        if error is None:
            return True
        if isinstance(error, SystemExit):
            return False
        self.status, message = _verdict(error)
        Terminal().complain(message)
        if os.environ.get("FOREBAY_DEBUG"):
            import traceback

            Terminal().complain("".join(traceback.format_exception(error)))
        return True


def _verdict(error: BaseException) -> tuple[int, str]:
    """The exit status of an error, and what to say of it."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    if isinstance(error, ScenarioError):
        return error.exit_code, str(error)
    if isinstance(error, ForebayError):
        return error.exit_code, f"error: {error}"
    if isinstance(error, typer.TyperException):
        return error.exit_code, _usage(error)
    if isinstance(error, typer.Abort):
        return INTERRUPTED, "interrupted"
    if isinstance(error, OSError) and error.filename is not None:
        return USAGE, f"error: cannot open {error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
        return USAGE, f"error: cannot write: {error.strerror}"  # a full disk has no file name
    said = (str(error).splitlines() or [""])[0][:200]
    return INTERNAL, (
        f"internal error: {type(error).__name__}: {said}\n"
        "This is a fault of forebay. Please report it with the command and the scenario; "
        "FOREBAY_DEBUG=1 shows where it happened."
    )


def _usage(error: typer.TyperException) -> str:
    """A usage error with what was probably meant and where help is."""
    text = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        return text
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "forebay"
    return f"error: {_with_suggestion(text, error)}\nTry `{command} --help`."


def _with_suggestion(text: str, error: typer.TyperException) -> str:
    """The message in this command's own form: `no such option: --sead; did you mean --seed?`."""
    from sim.scenario.suggestions import nearest

    text = text.replace("Value error, ", "").partition(" (Possible options")[0].partition(" Did you mean")[0]
    text = f"{text[:1].lower()}{text[1:]}".rstrip(".")
    meant = ""
    if option := getattr(error, "option_name", ""):
        meant = nearest(option, getattr(error, "possibilities", None) or ())
    elif wrong := re.search(r"no such command '(.*)'$", text):
        meant = nearest(wrong[1], VERBS)
    elif wrong := re.search(r"'([^']*)' is not one of (.*)$", text):
        meant = nearest(wrong[1], re.findall(r"'([^']*)'", wrong[2]))
    return f"{text}; did you mean {meant}?" if meant else text
