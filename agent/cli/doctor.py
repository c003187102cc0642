"""``plantgate doctor``: what is wrong with this box, and the command that mends it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from agent import __version__
from agent.cli.door import AsJson, printed
from agent.clock import SystemClock
from agent.doctor.case import Answers, Case, open_case
from agent.doctor.examination import examine, fields, within
from agent.doctor.finding import Severity
from agent.doctor.machine import Machine

if TYPE_CHECKING:
    from agent.doctor.examination import Field
    from agent.doctor.finding import Finding

_OPENING_S: Final = 30.0
SIGNS: Final = {
    Severity.FINE: ("●", "正常", "fine", "green"),
    Severity.NOTE: ("○", "提示", "note", "cyan"),
    Severity.WARNING: ("▲", "注意", "warning", "yellow"),
    Severity.SERIOUS: ("◆", "严重", "serious", "bold red"),
}
"""Shape, words and colour of each severity: never colour alone."""
_DIM, _HEAD = "bright_black", "bold cyan"
_INDENT: Final = 4


class Language(StrEnum):
    """In which language to tell."""

    ZH = "zh"
    EN = "en"


SitePath = Annotated[
    Path | None, typer.Argument(metavar="[SITE.toml]", help="The site file; without it only the box is looked at.")
]
Lang = Annotated[Language | None, typer.Option(help="In which language to tell (the site's, when not said).")]


def doctor(site: SitePath = None, json: AsJson = False, lang: Lang = None) -> None:
    """Find out what is wrong with this box: permissions, ports, lines, clock, disk, store, key, broker, units, board.

    Use it when something does not work, and before leaving a site. Every finding comes with the command that mends it.
    Nothing is changed or disturbed: no port is opened, and the running agent is asked through its own door. With sudo
    it sees more. Exit code 0: fine; 1: findings; 2: wrong use of this command.
    """
    clock = SystemClock()
    case = opened(site, clock.wall_ms())
    order = fields(clock.mono_ns)
    found = _as_json(case, order) if json else Screen(_language(case, lang)).show(case, order)
    if any(finding.is_trouble for finding in found):
        raise typer.Exit(1)


def opened(site: Path | None, wall_ms: int) -> Case:
    """Return the case of a site file. An agent that does not answer in time is one that cannot be asked."""
    machine = Machine(wall_ms=wall_ms)
    without = Case(machine=machine, path=site, answers=Answers(away="the agent does not answer in time"))

    def give_up(error: Exception) -> Case:
        raise error

    return within(_OPENING_S, lambda: open_case(machine, site), late=lambda: without, failed=give_up)


def told(case: Case, findings: list[tuple[Field, list[Finding]]]) -> dict[str, Any]:
    """Return an examination as JSON tells it."""
    flat = [(field, finding) for field, found in findings for finding in found]
    return {
        "ok": not any(finding.is_trouble for _, finding in flat),
        "software": f"plantgate {__version__}",
        "site": None if case.path is None else str(case.path),
        "counts": Counter(finding.severity.value for _, finding in flat),
        "findings": [
            {
                "field": field.name,
                "id": finding.id,
                "severity": finding.severity.value,
                "where": finding.where,
                "what": {"zh": finding.what.zh, "en": finding.what.en},
                "mend": finding.mend,
            }
            for field, finding in flat
        ],
    }


def _as_json(case: Case, order: tuple[Field, ...]) -> list[Finding]:
    findings = list(examine(case, order))
    printed(told(case, findings))
    return [finding for _, found in findings for finding in found]


def _language(case: Case, lang: Language | None) -> str:
    if lang is not None:
        return lang.value
    if case.site is not None:
        return case.site.gateway.language
    return "zh" if os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("zh") else "en"


class Screen:
    """Shows findings field by field as they come."""

    def __init__(self, language: str, console: Console | None = None) -> None:
        self._zh = language == "zh"
        self._console = console or Console(highlight=False)
        self._progress = Console(stderr=True, highlight=False)

    def show(self, case: Case, order: tuple[Field, ...]) -> list[Finding]:
        """Examine, show, and return what was found."""
        self._console.print(self._title(case))
        everything: list[Finding] = []
        for one in order:
            words = self._word(one.words.zh, one.words.en)
            with self._progress.status(f"{words} …") if sys.stderr.isatty() else _Quiet():
                found = [finding for _, several in examine(case, (one,)) for finding in several]
            if found:
                self._console.print(Text(f"\n{words}", style=_HEAD))
            for finding in found:
                self._line(finding)
            everything += found
        self._console.print(self._sum(everything))
        return everything

    def _word(self, zh: str, en: str) -> str:
        return zh if self._zh else en

    def _title(self, case: Case) -> Text:
        name = "" if case.site is None else self._word(case.site.gateway.name.zh, case.site.gateway.name.en)
        text = Text.assemble(("plantgate doctor", _HEAD), f"  {name}" if name else "")
        return text.append(f"  {__version__}  {case.path or ''}".rstrip(), _DIM)

    def _line(self, finding: Finding) -> None:
        sign, zh, en, style = SIGNS[finding.severity]
        said = Text()
        if finding.severity is not Severity.FINE:
            said.append(f"{self._word(zh, en)}  ", style)
        said.append(f"{finding.where}  " if finding.where else "", "bold" if finding.is_trouble else _DIM)
        said.append(self._word(finding.what.zh, finding.what.en))
        said.append(f"  [{finding.id}]" if finding.is_trouble else "", _DIM)
        for at, line in enumerate(said.wrap(self._console, max(20, self._console.width - _INDENT))):
            line.rstrip()
            head = Text.assemble("  ", (sign, style), " ") if not at else Text(" " * _INDENT)
            self._console.print(head.append_text(line), soft_wrap=True)
        if finding.mend:  # one line, however long: it is there to be copied
            self._console.print(Text.assemble("     → ", (finding.mend, style)), soft_wrap=True)

    def _sum(self, found: list[Finding]) -> Text:
        counts = Counter(finding.severity for finding in found)
        text = Text("\n")
        for severity in (Severity.SERIOUS, Severity.WARNING, Severity.NOTE, Severity.FINE):
            sign, zh, en, style = SIGNS[severity]
            if counts[severity]:
                plural = "s" if counts[severity] > 1 and severity in (Severity.NOTE, Severity.WARNING) else ""
                text.append(f"{sign} {counts[severity]} {self._word(zh, en + plural)}  ", style)
        if not counts[Severity.SERIOUS] + counts[Severity.WARNING]:
            return text.append(self._word("一切正常", "nothing needs to be done"), "bold green")
        return text.append(self._word("各项说明见 docs/doctor.md", "docs/doctor.md explains each"), _DIM)


class _Quiet:
    """No progress: nobody looks."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
