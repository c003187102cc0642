"""Light and horn in the running panel: from an alarm at the agent's door to (mock) pins, and quiet by the browser."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from agent.panel import tower
from agent.panel.annunciator import UNWATCHED, Light, Signal
from config.site import Annunciator
from tests.agent.panel.believable import FOLLOW
from tests.agent.panel.rig import rigged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.agent.panel.rig import Rig

LIGHT: Final = 17
HORN: Final = 27
WIRED: Final = Annunciator(light=f"GPIO{LIGHT}", horn=f"GPIO{HORN}", silence="GPIO22")


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    """Give gpiozero pins that only remember, and light up for a moment only at the start."""
    factory = MockFactory()
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    monkeypatch.setattr(tower, "LAMP_TEST_S", 0.01)
    yield factory
    factory.reset()


@pytest.fixture
def wired(tmp_path: Path, pins: MockFactory) -> Iterator[Rig]:
    """Return a panel with light and horn, whose agent knows of no alarm."""
    with rigged(tmp_path, annunciator=WIRED, open=True) as rig:
        show(rig)
        rig.wait_for(lambda: signal(rig).light is Light.OFF)
        yield rig


def show(rig: Rig, *statuses: str) -> None:
    """Let the agent tell of alarms of priority high with these statuses, and of no others."""
    board: dict[str, Any] = copy.deepcopy(FOLLOW)
    board["alarms"]["rows"] = [
        {"alarm": f"rule.T{at}", "status": status, "priority": "high", "since": "2026-11-22T09:57:19.387Z"}
        for at, status in enumerate(statuses)
    ]
    rig.door.answers["follow"] = board


def signal(rig: Rig) -> Signal:
    """Return what light and horn are to show now."""
    assert rig.house.tower is not None
    return rig.house.tower.signal


def is_on(pins: MockFactory, number: int) -> bool:
    """Whether a pin is high."""
    return bool(pins.pin(number).state)


def sounding(rig: Rig, pins: MockFactory) -> None:
    """Have an alarm that nobody has acknowledged, and wait for the horn."""
    show(rig, "unacknowledged")
    rig.wait_for(lambda: is_on(pins, HORN))


def test_an_alarm_sounds_until_somebody_silences_it_in_the_browser(wired: Rig, pins: MockFactory) -> None:
    """Silence quiets the horn and acknowledges nothing: the light goes on blinking, and the next alarm sounds again."""
    sounding(wired, pins)
    assert signal(wired).light is Light.FAST
    wired.login("operator")

    assert wired.post("/live/silence").status_code == 204
    wired.wait_for(lambda: not is_on(pins, HORN))

    assert signal(wired).light is Light.FAST
    assert wired.door.asked("acknowledge") == []
    show(wired, "unacknowledged", "unacknowledged")
    wired.wait_for(lambda: is_on(pins, HORN))


def test_who_only_looks_cannot_silence_the_plant(wired: Rig, pins: MockFactory) -> None:
    """Where viewing is open anybody in the network may look; the sound of the control room is not theirs."""
    sounding(wired, pins)

    assert wired.post("/live/silence").status_code == 204

    wired.wait_for(lambda: wired.door.asked("audit"))
    assert signal(wired).horn
    assert is_on(pins, HORN)


def test_what_is_acknowledged_is_steady_and_quiet(wired: Rig, pins: MockFactory) -> None:
    """The light stays on for as long as the alarm is there."""
    sounding(wired, pins)

    show(wired, "acknowledged")

    wired.wait_for(lambda: not is_on(pins, HORN))
    wired.wait_for(lambda: is_on(pins, LIGHT))
    assert signal(wired).light is Light.STEADY
    show(wired)
    wired.wait_for(lambda: not is_on(pins, LIGHT))


def test_an_agent_that_is_away_blinks_slowly(wired: Rig, pins: MockFactory) -> None:
    """Nobody judges the plant then: neither dark, as if all were well, nor the last alarm."""
    sounding(wired, pins)

    wired.door.close()

    wired.wait_for(lambda: signal(wired) == UNWATCHED)
    wired.wait_for(lambda: not is_on(pins, HORN))
    for state in (True, False):
        wired.wait_for(lambda state=state: is_on(pins, LIGHT) is state)


def test_alarms_that_are_not_understood_are_no_calm(wired: Rig) -> None:
    """An agent of another version is as good as none: the light blinks slowly until it is understood again."""
    board = copy.deepcopy(FOLLOW)
    board["alarms"]["rows"] = [{"alarm": "a", "status": "unacknowledged", "priority": "urgent", "since": "t"}]
    wired.door.answers["follow"] = board
    wired.wait_for(lambda: signal(wired) == UNWATCHED)

    show(wired)

    wired.wait_for(lambda: signal(wired).light is Light.OFF)


def test_all_is_dark_when_the_panel_ends(tmp_path: Path, pins: MockFactory) -> None:
    """A horn that nobody can silence any more must not go on."""
    with rigged(tmp_path, annunciator=WIRED) as rig:
        sounding(rig, pins)

    assert not is_on(pins, HORN)
    assert not is_on(pins, LIGHT)
