"""``plantgate init --answers FILE``: a site file without questions, for fleets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agent.cli.init_deeds import look
from agent.cli.init_site import checked, put
from agent.cli.init_terminal import Terminal
from agent.clock import SystemClock
from agent.setup.document import recall
from agent.setup.fleet import completed, mistakes, parse, site_of, wishes
from agent.setup.site_text import site_text
from agent.setup.words import Words
from config.problem import SiteProblems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.setup.document import Document
    from agent.setup.words import Language
    from config.problem import Problem


def by_answers(file: Path, target: Path, lang: Language | None, *, scans: bool | None, replaces: bool) -> int:
    """Write `target` from the answers in `file`; return the exit code: 0 written, 1 mistakes, 2 no answers file.

    It speaks `lang`, or the language that the answers give the box.
    """
    words = Words(lang or "zh")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        print(f"plantgate: {file}: {getattr(error, 'strerror', None) or 'is not UTF-8'}", file=sys.stderr)
        return 2
    if target.exists() and not replaces:
        print(words.text("fleet.exists", {"file": target}), file=sys.stderr)
        return 1
    try:
        answers = parse(text, file.name)
        if lang is None and recall(answers, ("gateway", "language")) == "en":
            words = Words("en")
        kept = put(target, _site(answers, text, file.name, target, words, scans=scans))
    except SiteProblems as refused:
        print(f"{refused}\n\n{words.text('fleet.mistakes', {'count': len(refused.problems)})}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"plantgate: {target}: {error.strerror}", file=sys.stderr)
        return 1
    print(words.text("end.written", {"file": target}))
    if kept is not None:
        print(words.text("end.kept", {"file": kept}))
    return 0


def _site(answers: Document, text: str, file: str, target: Path, words: Words, *, scans: bool | None) -> str:
    """Return the text of the site file. Raises SiteProblems with everything that is wrong."""
    todo = wishes(answers, scans=scans)
    before, _ = completed(answers, {})
    _refusing(mistakes(before, text, file, target.parent, is_whole=not todo))
    results: dict[str, Document] = {}
    for wish in todo:
        terminal = Terminal(words, SystemClock(), {}, str)
        wants = {"place": wish.place, "settings": wish.settings, "units": wish.units}
        results[wish.bus] = look(wants, terminal)
        for remark in results[wish.bus]["remarks"]:
            terminal.say("lines.remark", **remark)
    full, noted = completed(answers, results)
    _refusing(mistakes(full, text, file, target.parent, missed=tuple(results)))
    document, aside = site_of(full)
    if aside or noted:
        document["noted"] = [*aside, *({key: one[key] for key in one if key != "found"} for one in noted)]
    made = site_text(document, words, target.name)
    _refusing(checked(made, target)[1])
    return made


def _refusing(problems: Sequence[Problem]) -> None:
    if problems:
        raise SiteProblems(problems)
