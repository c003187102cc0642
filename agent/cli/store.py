"""``plantgate store``: the versions of the stores on disk, and the way back to those of an older program."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from buffer.errors import OutboxError
from buffer.migrate import lower, versions

store = typer.Typer(
    help="The stores on disk: which version of the program can read them. Raising is done by the agent at its start.",
    no_args_is_help=True,
)

HOME: Final = Path("/var/lib/plantgate")
"""The state directory of the service."""

Directory = Annotated[Path, typer.Argument(metavar="STATE_DIR", help="The state directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@store.command()
def show(directory: Directory = HOME, as_json: AsJson = False) -> None:
    """Show the version of each store, and the one this program writes. Changes nothing."""
    _as_owner(directory)
    try:
        found = versions(directory)
    except OutboxError as problem:
        raise _refused(problem) from None
    if as_json:
        print(json.dumps({name: {"found": there, "writes": writes} for name, (there, writes) in found.items()}))
        return
    for name, (there, writes) in found.items():
        print(f"{name:<8} version {'—' if there is None else there}, this program writes {writes}")


@store.command()
def down(
    directory: Directory = HOME,
    outbox: Annotated[int | None, typer.Option(help="The version that the older program knows.", min=1)] = None,
    history: Annotated[int | None, typer.Option(help="The same, of the statistics.", min=1)] = None,
) -> None:
    """Bring the stores back to what an older program can read; its package says which versions. Stop the agent first.

    No record is changed. Each store has either version, whatever happens; the agent of the newer program would raise it
    again at its next start. Exit 1 when it cannot be done.
    """
    _as_owner(directory)
    wanted = {name: number for name, number in (("outbox", outbox), ("history", history)) if number is not None}
    if not wanted:
        raise typer.BadParameter("say which versions: --outbox N --history N")
    try:
        moved = lower(directory, wanted)
    except OutboxError as problem:
        raise _refused(problem) from None
    for name, (before, after) in moved.items():
        print(f"{name:<8} version {after}" + (f", was {before}" if before != after else ", as it was"))


def _as_owner(directory: Path) -> None:
    """Become the directory's owner when we are root: what SQLite makes beside a file must be the agent's too."""
    try:
        owner = directory.stat()
    except OSError as error:
        print(f"plantgate: {directory}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def _refused(problem: OutboxError) -> typer.Exit:
    """Tell why, and return the end of the verb."""
    print(f"plantgate: {problem}", file=sys.stderr)
    return typer.Exit(1)
