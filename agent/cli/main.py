"""``plantgate``: the verbs and what they are for.

A verb's module is imported only when it is asked for, so that `run`, which stays for a year, does not carry the others.
"""

from __future__ import annotations

import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Final

import typer

from agent import __version__

VERBS: Final = {
    "init": "set up a box: questions and answers, a site file in the end",
    "run": "the agent: poll, judge, keep, publish",
    "check": "find every mistake in a site file",
    "plan": "show what goes on the wire, and how long a cycle takes",
    "read": "read devices once and print what they say",
    "scan": "find the devices on a line or behind a host, and name them",
    "identify": "compare each device with the model the site file gives it",
    "watch": "a live table of what devices say, and of what goes wrong",
    "alarms": "what is wrong at the plant, since when, and how it stands",
    "ack": "acknowledge an alarm: it has been seen, and is seen to",
    "shelve": "put an alarm on the shelf for a time",
    "unshelve": "take an alarm off the shelf",
    "reset": "let a latched alarm go",
    "status": "one screen: how the agent, its lines and its link are",
    "doctor": "what is wrong with this box, and the command that mends it",
    "metrics": "the agent's figures for Prometheus",
    "support": "pack what whoever maintains this wants to see, without secrets",
    "panel": "the local web panel, and who may use it",
    "rules": "the hundred rules, and which of them are at work on a site",
    "order": "orders for lines: stop, reduce, keep to hours",
    "mark": "what people declare: stopped, maintenance, fault",
    "task": "inspection tasks for staff, and what they found",
    "models": "the meters and analyzers that come with their registers",
    "key": "the gateway's signing key",
    "store": "versions of the stores on disk, and the way back to those of an older program",
    "verify": "check signatures, chain and gaps of published records",
    "export": "the signed records of a period as a bundle that a court can check",
    "report": "the acceptance report of an installation, signed",
    "demo": "a whole plant on this machine, with faults",
}
"""Each verb is a function or a `typer.Typer` of its name, in the module of its name or the one `_TOGETHER` says."""

_TOGETHER: Final = dict.fromkeys(("ack", "shelve", "unshelve", "reset"), "alarms")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"plantgate {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Say which version this is.", callback=_version, is_eager=True)
]


def _whole(version: Version = False) -> None:
    """Take what belongs to no verb."""


def application(verbs: list[str]) -> typer.Typer:
    """Return the command line with `verbs` on it."""
    app = typer.Typer(
        name="plantgate",
        help="Edge gateway agent: reads plant meters, judges on the spot, keeps everything, publishes signed records.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback(help=app.info.help)(_whole)
    for verb in verbs:
        what = getattr(import_module(f"agent.cli.{_TOGETHER.get(verb, verb)}"), verb)
        if isinstance(what, typer.Typer):
            app.add_typer(what, name=verb)
        else:
            app.command(verb)(what)
    return app


def main() -> None:
    """Run the verb the command line names; exit 0 when fine, 1 on findings, 2 on wrong usage.

    What a terminal cannot write (Chinese, where it is set to Latin) becomes a question mark, and ends nothing.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    application([asked] if asked in VERBS else list(VERBS))(prog_name="plantgate")


if __name__ == "__main__":
    main()
