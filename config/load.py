"""A site file in; a `Site`, or all that is wrong with it, out. Nothing is applied, opened or kept.

Order: the file itself (there, readable, small, UTF-8), TOML, the shape of every table, what must fit together. The
first two stop at the first trouble; from there on everything is found in one pass.
"""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.build import build_front, build_site
from config.check import check, check_front
from config.findings import Findings
from config.problem import Problem, SiteProblems
from config.tables import read_document, read_front

if TYPE_CHECKING:
    from config.judging import JudgeRules
    from config.site import Front, Site

_MOST_BYTES = 4 * 2**20  # ten thousand points take about one
_LONGEST_LINE = 10_000
_FLAT = "a site file needs three levels"
_DEEP_KEY = re.compile(
    r"(?<![\w-])(?:(?:[A-Za-z0-9_-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}"  # possessive: linear on any text
)
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def load(path: Path | str, judge_rules: JudgeRules | None = None) -> Site:
    """Return the site that the file at `path` describes.

    `judge_rules` knows the catalogue of rules (`config.judging`); what it refuses are mistakes too.

    Raises:
        SiteProblems: it has mistakes, or cannot be read; with every one of them.
    """
    path = Path(path)
    text = _text(path)
    try:
        raw = _parse(path, text)
        findings = Findings(path.name, text)
        root = path.absolute().parent
        document = read_document(raw, root, findings)
        check(document, root, findings, judge_rules)
    except RecursionError:
        raise _refuse(path, "is nested too deeply", _FLAT) from None
    findings.verdict()
    return build_site(document, path.absolute(), findings.notices)


def load_front(path: Path | str) -> Front:
    """Return the box, its panel and its annunciator, and judge nothing else: the panel must not know the rest.

    Raises:
        SiteProblems: these tables have mistakes, or the file cannot be read.
    """
    path = Path(path)
    text = _text(path)
    findings = Findings(path.name, text)
    front = read_front(_parse(path, text), findings)
    check_front(front, findings)
    findings.verdict()
    return build_front(front, path.absolute().parent)


def _refuse(path: Path, what: str, hint: str, line: int | None = None) -> SiteProblems:
    return SiteProblems([Problem(file=path.name, line=line, where="", what=what, hint=hint)])


def _text(path: Path) -> str:
    """Return the text of the file, or raise what keeps it from being one."""
    content = _bytes(path)
    if content.startswith(_BYTE_ORDER_MARKS):
        raise _refuse(path, "begins with a byte order mark", 'save it as "UTF-8" without BOM', 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refuse(path, "is not UTF-8", "save it as UTF-8 (not GBK or GB 18030)", line) from None
    for number, line_text in enumerate(text.split("\n"), 1):
        if len(line_text) > _LONGEST_LINE:
            raise _refuse(path, f"has a line longer than {_LONGEST_LINE} characters", "break it", number)
        if _DEEP_KEY.search(line_text):
            raise _refuse(path, "is nested too deeply", _FLAT, number)
    return text


def _bytes(path: Path) -> bytes:
    """Return the content of an ordinary file of bearable size; never wait on a pipe, never read a device."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refuse(path, "is a directory", "name the site file in it")
        if not stat.S_ISREG(status.st_mode):
            raise _refuse(path, "is no ordinary file", "name a file")
        if status.st_size > _MOST_BYTES:
            raise _refuse(path, f"is too long ({status.st_size} bytes)", "a site file has at most 4 MiB")
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise _refuse(path, "there is no such file", f"looked for {path.absolute()}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise _refuse(path, f"cannot be read ({reason})", f"looked at {path}; let the agent's user read it") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    """Return what the text says."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, line = _placed(str(error), text)
        raise _refuse(path, f"is no TOML: {what}", _toml_hint(text, line), line) from None
    except ValueError as error:  # numbers with thousands of digits
        raise _refuse(path, f"is no TOML: {str(error)[:100]}", "look for a very long number") from None


def _placed(message: str, text: str) -> tuple[str, int]:
    """Return the parser's words without the place, and the line."""
    match = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if match is None:
        return message.removesuffix(" (at end of document)"), max(1, len(text.rstrip().split("\n")))
    return f"{message[: match.start()]} (column {match[2]})", int(match[1])


def _toml_hint(text: str, line: int) -> str:
    """Return what is most likely meant on the line that TOML cannot read."""
    lines = text.split("\n")
    content = lines[line - 1].strip() if line <= len(lines) else ""
    if re.search("[“”‘’＝，［］]", content):
        return "use plain quotes, commas and brackets, not typographic or full-width ones"
    if re.match(r"[\w.-]+\s*:", content):
        return 'write key = "value", not key: value'
    if re.match(r"[\w.-]+\s*=\s*[^\s\"'\[{]*[A-Za-z:/]", content):
        return 'texts stand in quotes: key = "text"'
    if content.count("[") != content.count("]"):
        return "check the square brackets"
    return "check quotes, brackets and the equals sign"
