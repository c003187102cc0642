"""What the catalogue of rules has against a site file is told like any other mistake, whoever loads the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from config.apart import load_apart
from config.load import load
from config.problem import SiteProblems
from tests.config.sites import marked_lines, site

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from config.problem import Problem
    from config.site import Plant, RuleChange

RULES = '[[rule]]\nid = "T1"\ngrace = "3m"\n[[rule]]\nid = "T2"\nlagg = "5m" {}\n[[rule]]\nid = "X9" {}\n'


@dataclass(frozen=True, slots=True)
class Wrong:
    """As a catalogue says it."""

    number: int
    key: str
    what: str
    value: Any
    hint: str


def catalogue(changes: Sequence[RuleChange], plant: Plant | None) -> Iterator[Wrong]:
    """Know the rules T1 with a grace and T2 with a lag; say whether the plant was shown."""
    known: dict[str, set[str]] = {"T1": {"grace"}, "T2": {"lag"}}
    for number, change in enumerate(changes):
        if change.id not in known:
            yield Wrong(
                number, "id", "no such rule", change.id, f"the plant is {'hidden' if plant is None else 'shown'}"
            )
        for name, value in change.params.items():
            if name not in known.get(change.id, ()):
                yield Wrong(number, name, "no such parameter", value, "see the catalogue")


def written(folder: Path, text: str) -> Path:
    """Write a site file and return its path."""
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def told(path: Path, *, apart: bool) -> tuple[Problem, ...]:
    """Return what is wrong with a file for whoever knows this catalogue."""
    with pytest.raises(SiteProblems) as refused:
        load_apart(path, f"{__name__}:catalogue") if apart else load(path, catalogue)
    return refused.value.problems


@pytest.mark.parametrize("apart", [False, True])
def test_the_catalogue_is_asked_in_the_same_pass(tmp_path: Path, *, apart: bool) -> None:
    """Its words come on the line of the key, beside all other mistakes; also from the other process."""
    text = site({"[[limit]]": ["high = 5.0 #!"]}, RULES.format("#!", "#!"))

    problems = told(written(tmp_path, text), apart=apart)

    assert [problem.line for problem in problems] == marked_lines(text)
    assert "lagg: no such parameter" in problems[1].what
    assert problems[1].value == '"5m"'
    assert problems[1].hint == "see the catalogue"
    assert problems[2].hint == "the plant is hidden"


def test_the_plant_is_shown_when_nothing_else_is_wrong(tmp_path: Path) -> None:
    """A catalogue can then look at roles and types; a plant with mistakes is none."""
    (problem,) = told(written(tmp_path, site({}, '[[rule]]\nid = "X9"\n')), apart=False)

    assert problem.hint == "the plant is shown"


def test_a_broken_rule_is_not_shown_to_the_catalogue(tmp_path: Path) -> None:
    """What is no parameter at all is told once, and the numbers of the others are those of their tables."""
    broken = '[[rule]]\nid = "T1"\nline = "no" #!\n[[rule]]\nid = "T2"\noutlet = 3 #!\nx = 1\n'
    text = site({}, '[[rule]]\nid = "T4"\nx = ["3m"] #!\n' + broken + RULES.format("#!", "#!"))

    problems = told(written(tmp_path, text), apart=False)

    assert [problem.line for problem in problems] == marked_lines(text), [str(problem) for problem in problems]


def test_without_a_catalogue_only_the_form_is_looked_at(tmp_path: Path) -> None:
    """Verbs that do not judge need not know the rules."""
    assert len(load(written(tmp_path, site({}, RULES.format("", "")))).plant.changes) == 3


def test_the_catalogue_of_the_agent_can_be_asked(tmp_path: Path) -> None:
    """Its function has the form that `config` asks for, here and in the other process."""
    from agent.rules.binding import problems

    path = written(tmp_path, site({}, '[[rule]]\nid = "T999"\n'))

    with pytest.raises(SiteProblems, match="no such rule"):
        load(path, problems)
    with pytest.raises(SiteProblems, match="no such rule"):
        load_apart(path, "agent.rules.binding:problems")
