"""The sentences: complete in both languages, documented, and safe for a terminal and a shell."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from agent.doctor.finding import Severity, catalogue, find, part, plain, size, span, worst

ROOT = Path(__file__).parents[3]
DOCTOR = ROOT / "agent" / "doctor"


def members(template: str) -> set[str]:
    """Return the words in braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


@pytest.mark.parametrize("name", catalogue())
def test_every_finding_is_whole_in_both_languages(name: str) -> None:
    """Both languages say something, with the same members; trouble always comes with a command."""
    sentence = catalogue()[name]

    assert sentence.en.strip()
    assert re.search(r"[\u4e00-\u9fff]", sentence.zh) or members(sentence.zh)
    assert members(sentence.zh) <= members(sentence.en) | {"reason", "what", "hint", "problem"} | members(sentence.mend)
    assert sentence.mend or sentence.severity in (Severity.FINE, Severity.NOTE)
    assert "\n" not in sentence.mend


def test_every_finding_is_found_somewhere_and_nothing_else_is() -> None:
    """An id in the catalogue is used by a field, and an id a field uses is in the catalogue."""
    code = "".join(path.read_text(encoding="utf-8") for path in DOCTOR.glob("*.py"))
    used = set(re.findall(r'find\(\s*"([a-z-]+)"', code))

    assert used <= set(catalogue())
    assert {name for name in catalogue() if f'"{name}"' not in code} == set()


def test_the_page_explains_every_finding_with_its_command() -> None:
    """docs/doctor.md has one row for each id: severity, meaning, and the very command that is printed."""
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", page, re.MULTILINE))

    assert set(rows) == set(catalogue())
    for name, sentence in catalogue().items():
        severity, meaning, *_ = re.split(r" \| ?", rows[name])
        mend = f"`{sentence.mend}`".replace("|", "\\|")
        assert (name, severity) == (name, sentence.severity.value)
        assert len(meaning) > 4, name
        assert not sentence.mend or mend in rows[name], name


def test_what_others_say_cannot_paint_the_terminal_or_run_in_a_shell() -> None:
    """Control characters become blanks, long texts are cut, and members are quoted in a command."""
    told = find("port-held", "x", pid=1, command="evil\x1b[2J\nrm", unit="")
    hostile = find("file-missing", "/tmp/$(reboot) x")

    assert told.what.en == "held by another program: process 1 (evil [2J rm)"
    assert hostile.mend == "ls -l '/tmp/$(reboot) x'"
    assert len(plain("ä" * 5000)) == 400


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**40, "3.0 TiB"), (-2048, "-2.0 KiB")]
)
def test_sizes_are_for_people(count: int, shown: str) -> None:
    """Bytes in the unit that fits."""
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3660, "1 h 1 min"), (7200, "2 h"), (90000, "1 d 1 h"), (-5, "0 s")],
)
def test_spans_are_for_people(seconds: float, shown: str) -> None:
    """Seconds in the unit that fits."""
    assert span(seconds) == shown


def test_the_worst_of_several_counts() -> None:
    """Notes are no trouble; one serious finding outweighs the rest."""
    found = [find("units-none"), find("clock-alone", now="—"), find("port-empty", "x")]

    assert worst(found) is Severity.SERIOUS
    assert [one.is_trouble for one in found] == [False, True, True]
    assert worst([]) is Severity.FINE


@pytest.mark.parametrize("answer", [None, 3, {"a": None}, {"a": []}, {"a": {"b": "text"}}, {}])
def test_an_answer_of_another_shape_is_an_empty_one(answer: object) -> None:
    """Whatever an agent of another version tells, nobody stumbles over it."""
    assert part(answer, "a", "b") == {}
