"""Lamps, horn and button on (mock) pins, and the plant's own command."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from agent.panel import tower as module
from agent.panel.annunciator import DARK, Light, Signal
from agent.panel.tower import Command, Pins, Tower
from config.site import Annunciator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

FIRE = {"alarms": {"rows": [{"alarm": "a", "status": "unacknowledged", "priority": "high", "since": "t"}]}}
CALM: dict[str, Any] = {"alarms": {"rows": []}}


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    """Give gpiozero pins that only remember."""
    factory = MockFactory()
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    monkeypatch.setattr(module, "LAMP_TEST_S", 0.01)
    yield factory
    factory.reset()


@pytest.mark.parametrize("active_low", [False, True])
@pytest.mark.parametrize(
    ("signal", "light", "horn"),
    [
        (DARK, False, False),
        (Signal(Light.STEADY, horn=False, priority=None), True, False),
        (Signal(Light.STEADY, horn=True, priority="high"), True, True),
    ],
)
def test_pins_follow_the_signal(pins: MockFactory, signal: Signal, light: bool, horn: bool, active_low: bool) -> None:
    """A relay board that switches at low is told the other way round."""
    show = Pins(Annunciator(light="GPIO17", horn="GPIO27", active_low=active_low), lambda: None)

    asyncio.run(show.show(signal))

    assert (pins.pin(17).state, pins.pin(27).state) == (light ^ active_low, horn ^ active_low)
    show.close()


@pytest.mark.parametrize("light", [Light.SLOW, Light.FAST])
def test_a_blinking_light_goes_on_and_off(pins: MockFactory, light: Light) -> None:
    """It blinks by itself until told otherwise."""
    show = Pins(Annunciator(light="GPIO17"), lambda: None)
    seen: set[bool] = set()

    async def watched() -> None:
        await show.show(Signal(light, horn=False, priority="low"))
        while len(seen) < 2:
            seen.add(bool(pins.pin(17).state))
            await asyncio.sleep(0.01)
        await show.show(DARK)

    asyncio.run(asyncio.wait_for(watched(), 30))

    assert not pins.pin(17).state
    show.close()


async def _boards(*boards: dict[str, Any] | None) -> AsyncIterator[dict[str, Any] | None]:
    for board in boards:
        yield board
    await asyncio.Event().wait()


async def _until(holds: Any) -> None:
    while not holds():  # noqa: ASYNC110 -- pins have no events
        await asyncio.sleep(0.01)


def test_the_horn_sounds_until_the_button_is_pressed_and_all_is_dark_at_the_end(pins: MockFactory) -> None:
    """From the agent's board to the pins and back; the light goes on blinking after silence."""
    tower = Tower(Annunciator(light="GPIO17", horn="GPIO27", silence="GPIO22"))
    horn = pins.pin(27)

    async def lived() -> None:
        running = asyncio.create_task(tower.run(_boards(FIRE)))
        await asyncio.wait_for(_until(lambda: horn.state), 30)
        pins.pin(22).drive_low()
        await asyncio.wait_for(_until(lambda: not horn.state), 30)
        assert tower.signal.light is Light.FAST
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(lived())

    assert not horn.state


def test_pins_that_cannot_be_had_do_not_stop_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box without such pins is told in the log; whatever else is described still works."""
    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory())

    assert Tower(Annunciator(light="GPIO99")).signal.horn is False


@pytest.fixture
def script(tmp_path: Path) -> tuple[list[str], Path]:
    """Return a command that notes its last arguments, and where; it fails the first time it is run."""
    noted = tmp_path / "noted"
    program = (
        "import sys, pathlib; path = pathlib.Path(sys.argv[1]); first = not path.exists(); "
        "path.open('a').write(' '.join(sys.argv[2:]) + '\\n'); sys.exit(first)"
    )
    return [sys.executable, "-c", program, str(noted)], noted


def test_a_command_is_told_light_horn_and_priority(script: tuple[list[str], Path]) -> None:
    """One that fails is tried again with the next look, one that worked is not run for nothing."""
    command, noted = script
    tower = Tower(Annunciator(command=tuple(command)))

    async def lived() -> None:
        running = asyncio.create_task(tower.run(_boards(FIRE, FIRE, FIRE, FIRE)))
        await asyncio.wait_for(_until(lambda: noted.exists() and "fast on high" in noted.read_text()), 60)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(lived())

    lines = noted.read_text().splitlines()
    assert lines[0] == "steady off none", "the lamp test"
    assert lines.count("fast on high") == 1


def test_a_command_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs its time-out, not the annunciator."""
    monkeypatch.setattr(module, "COMMAND_S", 0.2)
    command = Command([sys.executable, "-c", "import time; time.sleep(1000)"])

    with pytest.raises(TimeoutError):
        asyncio.run(command.show(DARK))


def test_what_is_told_is_no_shell(tmp_path: Path) -> None:
    """Arguments are passed as they are."""
    noted = tmp_path / "noted"
    word = f"; touch {noted}"

    asyncio.run(Command([sys.executable, "-c", "pass", word]).show(DARK))

    assert not noted.exists()
