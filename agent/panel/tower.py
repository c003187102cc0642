"""What shows a `Signal`: lamps and horn on GPIO pins (gpiozero), or a command of the plant's own.

gpiozero is imported only where a pin is named. Nothing here raises while it runs: a lamp that fails must not take the
panel with it; it is logged, and tried again a second later.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, Final, Protocol

from agent.log import get
from agent.panel.annunciator import Annunciator, Light, Signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from config import site

COMMAND_S: Final = 10.0
"""How long the plant's command may take."""
BLINK_S: Final = {Light.SLOW: 1.0, Light.FAST: 0.25}
"""Seconds on, and as many off."""
LAMP_TEST_S: Final = 1.0

log = get(__name__)


class Show(Protocol):
    """Something that shows a signal."""

    async def show(self, signal: Signal) -> None:
        """Show it until the next."""

    def close(self) -> None:
        """Go dark and let go of the hardware."""


class Pins:
    """A light and a horn on pins, and a silence button."""

    def __init__(self, settings: site.Annunciator, pressed: Callable[[], None]) -> None:
        """Claim the pins; `pressed` is called on a thread of gpiozero. Raises what gpiozero raises."""
        # lgpio, which gpiozero prefers, leaves a pipe in the working directory; under systemd that is read-only.
        os.environ.setdefault("LG_WD", gettempdir())
        import gpiozero  # noqa: PLC0415 -- only boxes with lamps carry it

        high = not settings.active_low
        self._light: Any = gpiozero.LED(settings.light, active_high=high) if settings.light else None
        self._horn: Any = gpiozero.DigitalOutputDevice(settings.horn, active_high=high) if settings.horn else None
        self._button: Any = gpiozero.Button(settings.silence, bounce_time=0.05) if settings.silence else None
        if self._button is not None:
            self._button.when_pressed = pressed

    async def show(self, signal: Signal) -> None:
        """Switch the pins."""
        if self._light is not None:
            blink_s = BLINK_S.get(signal.light)
            if blink_s is not None:
                self._light.blink(blink_s, blink_s)
            elif signal.light is Light.STEADY:
                self._light.on()
            else:
                self._light.off()
        if self._horn is not None:
            (self._horn.on if signal.horn else self._horn.off)()

    def close(self) -> None:
        """Go dark first: a pin that is merely let go of floats."""
        for device in (self._light, self._horn):
            if device is not None:
                device.off()
        for device in (self._light, self._horn, self._button):
            if device is not None:
                device.close()


class Command:
    """A command of the plant's own, run at every change with what to show as its last three arguments.

    ``COMMAND… LIGHT HORN PRIORITY``: off|steady|slow|fast, on|off, none|low|medium|high|critical. One runs at a time;
    one that takes longer than `COMMAND_S` is killed.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """`words` are the program and its first arguments; no shell is involved."""
        self._words = tuple(words)

    async def show(self, signal: Signal) -> None:
        """Run it, and wait for its end. Raises OSError when it cannot be started or fails."""
        told = (signal.light.value, "on" if signal.horn else "off", signal.priority or "none")
        devnull = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*self._words, *told, stdin=devnull, stdout=devnull)
        try:
            code = await asyncio.wait_for(process.wait(), COMMAND_S)
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if code:
            raise OSError(f"{self._words[0]} ended with {code}")

    def close(self) -> None:
        """Nothing to let go of."""


class Tower:
    """Light and horn of one panel: follows the agent's board and shows what it means.

    `run` is a task of the panel; `silence` may be called from any thread.
    """

    def __init__(self, settings: site.Annunciator) -> None:
        """Open what is described. Pins that cannot be claimed are told in the log, and done without."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._annunciator = Annunciator(settings.horn_from)
        self._shown: Signal | None = None
        self._changed = asyncio.Event()
        self._shows: list[Show] = [Command(settings.command)] if settings.command else []
        if settings.light or settings.horn or settings.silence:
            try:
                self._shows.append(Pins(settings, self.silence))
            except Exception as error:  # noqa: BLE001 -- a dozen pin factories, each with errors of its own
                log.warning("the annunciator's pins cannot be used", error=repr(error))

    @property
    def signal(self) -> Signal:
        """What is to be seen and heard now."""
        return self._annunciator.signal

    def silence(self) -> None:
        """Stop the horn until a new alarm comes. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._silence)

    def _silence(self) -> None:
        self._annunciator.silence()
        self._changed.set()

    async def run(self, boards: AsyncIterator[Mapping[str, Any] | None]) -> None:
        """Follow the boards (lines of verb ``follow``; ``None``: away) until cancelled; then go dark."""
        self._loop = asyncio.get_running_loop()
        following = asyncio.create_task(self._follow(boards))
        try:
            await self._test_lamp()
            while True:
                await self._show(self.signal)
                await self._changed.wait()
                self._changed.clear()
        finally:
            following.cancel()
            self._loop = None
            for show in self._shows:
                show.close()

    async def _follow(self, boards: AsyncIterator[Mapping[str, Any] | None]) -> None:
        async for board in boards:
            try:
                self._annunciator.see(None if board is None else board["alarms"]["rows"])
            except (
                KeyError,
                TypeError,
                ValueError,
            ) as error:  # an agent of another version: not dark, as if all were well
                log.warning("the agent's alarms are not understood", error=repr(error))
                self._annunciator.see(None)
            self._changed.set()

    async def _test_lamp(self) -> None:
        """Light up for a moment, so that whoever starts the box sees that the lamp works."""
        await self._show(Signal(Light.STEADY, horn=False, priority=None))
        await asyncio.sleep(LAMP_TEST_S)

    async def _show(self, signal: Signal) -> None:
        if signal == self._shown:
            return
        try:
            for show in self._shows:
                await show.show(signal)
        except Exception as error:  # noqa: BLE001 -- see the module
            log.warning("the annunciator does not work", error=repr(error))
            self._shown = None
        else:
            self._shown = signal
