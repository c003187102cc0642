"""All fields together: order, time limits, and looks that fail."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from agent.doctor.case import Case
from agent.doctor.examination import Field, examine, examined, fields
from agent.doctor.finding import find
from agent.doctor.machine import Machine
from config.site import Text
from tests.agent.doctor import ids, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.doctor.finding import Finding

BOX = Case(machine=Machine(run=silent))


def field(look: Callable[[Case], list[Finding]], limit_s: float = 5.0) -> Field:
    """Return a field of our own."""
    return Field(name="own", words=Text("自", "own"), look=look, limit_s=limit_s)


def test_a_look_that_fails_is_a_finding() -> None:
    """Never a traceback: what went wrong, in one line."""

    def broken(case: Case) -> list[Finding]:
        raise RuntimeError(f"nonsense in\n{case.path}")

    [found] = examined(BOX, field(broken))

    assert found.id == "check-failed"
    assert found.what.en == "this look failed itself: RuntimeError: nonsense in None"


def test_a_look_that_hangs_is_given_up() -> None:
    """A dead network share or name server costs its time limit, no more."""
    forever = Event()
    found = examined(BOX, field(lambda _: [find("units-none")] * forever.wait(60), 0.05))
    forever.set()

    assert ids(found) == ["check-slow"]


def test_the_site_file_that_was_named_stands_in_the_commands(tmp_path: Path) -> None:
    """Quoted for a shell where need be."""
    case = Case(machine=BOX.machine, path=tmp_path / "my site.toml")

    [found] = examined(case, field(lambda _: [find("agent-code-red")]))

    assert found.mend == f"plantgate alarms '{tmp_path}/my site.toml'"


def test_a_box_without_a_site_is_looked_at_too() -> None:
    """Nothing fails for want of a site file, and fields that need one are silent."""
    looked = {one.name: found for one, found in examine(BOX, fields(lambda: 0))}

    assert {"site", "units", "ports", "clock", "disk", "board"} == set(looked)
    assert not any(name.startswith("check-") for found in looked.values() for name in ids(found))
