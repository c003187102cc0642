"""``plantgate init``: a site file by questions and answers, or by an answers file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agent.cli.init_deeds import look, try_broker
from agent.cli.init_files import Answers, keep_password
from agent.cli.init_fleet import by_answers
from agent.cli.init_machine import holders, host_name, language, serial_ports, zone
from agent.cli.init_site import checked, counts, memory_of, next_steps, put, remembered, said_in_file
from agent.cli.init_terminal import Terminal
from agent.clock import SystemClock
from agent.setup.dialogue import Ask, Back, Dialogue
from agent.setup.document import recall
from agent.setup.interview import STEPS, Machine, interview
from agent.setup.readers import one_of, yes_or_no
from agent.setup.site_text import site_text
from agent.setup.words import Words
from config.lines import index

if TYPE_CHECKING:
    from agent.setup.document import Document
    from agent.setup.words import Language
    from config.site import Site

USUAL: Final = Path("/etc/plantgate/site.toml")

SitePath = Annotated[Path, typer.Argument(metavar="[SITE.toml]", help="The site file to write.")]
AnswersPath = Annotated[
    Path | None, typer.Option("--answers", help="Ask nothing: take the answers of this file.", metavar="FILE")
]
Scans = Annotated[
    bool | None,
    typer.Option("--scan/--no-scan", help="Look at every line, or at none [default: ask; with --answers, as it says]."),
]
Lang = Annotated[str, typer.Option("--lang", help="zh or en [default: that of the terminal].", metavar="zh|en")]
Replace = Annotated[bool, typer.Option("--replace", help="With --answers: replace a site file that is there.")]


def init(
    site: SitePath = USUAL,
    answers: AnswersPath = None,
    scan: Scans = None,
    lang: Lang = "",
    replace: Replace = False,
) -> None:
    """Set up a box: answer questions, get a commented site file that passes check. Use it once, on site.

    The broker is tried live, lines are scanned and devices identified; nothing is ever written to a device. What was
    answered survives a lost connection: start it again and go on. With --answers nothing is asked, for fleets.
    Exit 0: written; 1: mistakes, or stopped; 2: wrong usage.
    """
    if lang not in ("", "zh", "en"):
        raise typer.BadParameter("--lang: zh or en")
    given: Language | None = None if not lang else "en" if lang == "en" else "zh"
    spoken = given or language(dict(os.environ))
    target = site.absolute()
    _writable(target)
    if answers is not None:
        raise typer.Exit(by_answers(answers, target, given, scans=scan, replaces=replace))
    if not sys.stdin.isatty():
        raise typer.BadParameter("init asks questions and needs a terminal; without one: --answers FILE")
    raise typer.Exit(_Guide(target, spoken, scans=scan is not False).run(has_language=bool(lang)))


def _writable(target: Path) -> None:
    """Say at once that nothing can be written there, and not after forty questions."""
    folder = target.parent
    if target.is_dir():
        raise typer.BadParameter(f"{target} is a directory: name the file")
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no directory {folder}: make it (mkdir -p {folder}), or name another file")
    if not os.access(folder, os.W_OK):
        raise typer.BadParameter(f"{folder} is not writable: sudo plantgate init, or name another file")


class _Guide:
    """One guided setup: the conversation, the check, the file."""

    def __init__(self, target: Path, language: Language, *, scans: bool) -> None:
        self._target = target
        self._answers = Answers(target)
        self._language: Language = language
        self._scans = scans
        self._terminal: Terminal
        deeds: dict[str, Any] = {
            "scan": lambda wants: look(wants, self._terminal),
            "broker": lambda wants: try_broker(wants, self._terminal, target.parent),
        }
        self._terminal = Terminal(Words(language), SystemClock(), deeds, lambda typed: keep_password(target, typed))

    def run(self, *, has_language: bool) -> int:
        """Guide; return the exit code."""
        try:
            self._terminal.say("talk.hello", steps=STEPS, file=self._target)
            self._terminal.say("talk.how")
            memory, resumes = self._memory()
            if has_language:
                memory.setdefault("gateway", {})["language"] = self._language
            return self._through(memory, resumes=resumes)
        except (KeyboardInterrupt, EOFError):
            self._terminal.raw("")
            self._terminal.say("talk.stopped", file=self._answers.path)
            return 1
        except OSError as error:
            self._terminal.raw(f"plantgate: {error.filename or self._target}: {error.strerror or error}")
            return 1

    # --- what is known -----------------------------------------------------------------------------------------------

    def _memory(self) -> tuple[Document, bool]:
        """Return what is proposed, and whether what it knows is asked again."""
        kept, file = self._read(self._answers.read, self._answers.path), self._answers.path
        if kept and not recall(kept, ("init", "finished")):
            words = ("yes", "no", "new")
            choice = Ask(key="talk.resume", read=one_of(*words), choices=words, fields={"file": file})
            then = self._terminal.ask(choice, "yes")
            if then != "new":
                self._terminal.words = Words(recall(kept, ("gateway", "language")) or self._language)
                return kept, then == "yes"
            self._answers.forget()
            kept = {}
        there = self._read(lambda: said_in_file(self._target), self._target)
        if there:
            self._terminal.say("talk.earlier", file=self._target)
        return (memory_of(there, kept) if there else kept), False

    def _read(self, read: Any, path: Path) -> Document:
        try:
            found: Document = read()
        except (OSError, ValueError) as error:
            self._terminal.say("talk.unreadable", file=path, what=error)
            return {}
        return found

    # --- the conversation --------------------------------------------------------------------------------------------

    def _through(self, memory: Document, *, resumes: bool) -> int:
        dialogue = Dialogue(lambda: interview(self._machine()), memory, self._terminal, self._answers.keep)
        document = dialogue.run(resume=resumes)
        while True:
            words = self._terminal.words
            text = site_text(document, words, self._target.name)
            site, problems = checked(text, self._target)
            if site is not None:
                try:
                    return self._end(site, text, document, memory)
                except Back:
                    dialogue.back()
                    document = dialogue.run()
                    continue
            self._terminal.say("end.mistakes", count=len(problems))
            for problem in problems:
                self._terminal.raw(f"  {problem}")
            culprit = dialogue.about(document, index(text).line, problems[0].line or 0)
            if culprit is None:
                self._terminal.say("end.lost", file=self._answers.path)
                return 1
            self._terminal.say("end.back")
            dialogue.return_to(culprit)
            document = dialogue.run(resume=True)

    def _machine(self) -> Machine:
        ports = serial_ports()
        is_installed = self._target.is_relative_to("/etc")
        return Machine(
            timezone=zone(),
            language=self._language,
            host=host_name(),
            ports=ports,
            holders=holders(ports),
            state_dir=None if is_installed else "state",
            scans=self._scans,
        )

    def _end(self, site: Site, text: str, document: Document, memory: Document) -> int:
        """Show, ask, write. Raises Back."""
        terminal = self._terminal
        terminal.raw("")
        terminal.say("end.summary")
        terminal.say("end.counts", **counts(site, document))
        for notice in site.notices:
            terminal.say("end.notice", notice=notice)
        exists = self._target.exists()
        question = Ask(key="end.replace" if exists else "end.write", read=yes_or_no, fields={"file": self._target})
        if terminal.ask(question, None if exists else "yes") == "no":
            terminal.say("end.not_written", file=self._answers.path)
            return 1
        kept = put(self._target, text)
        self._answers.keep(remembered(memory, document))
        terminal.say("end.written", file=self._target)
        if kept is not None:
            terminal.say("end.kept", file=kept)
        for line in next_steps(self._target, terminal.words, has_panel="panel" in document):
            terminal.raw(line)
        return 0
