"""The board: memory, temperature, supply voltage, as far as it tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.doctor.finding import find, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding
    from agent.doctor.machine import Machine

LITTLE_MEMORY: Final = 0.10
WARM_C: Final = 75.0
HOT_C: Final = 82.0
"""A Raspberry Pi throttles itself from 80 to 85 degrees on."""
_LOW_NOW, _CAPPED_NOW, _THROTTLED_NOW, _SOFT_NOW = 0x1, 0x2, 0x4, 0x8
_LOW_ONCE, _THROTTLED_ONCE = 0x10000, 0x40000


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFacts:
    """What was seen; ``None`` where the board does not tell. Memory is bytes, `hottest` degrees Celsius.

    `throttled` are the bits of ``vcgencmd get_throttled``: 0 to 3 now, 16 to 19 since the start of the box. `low_volts`
    is the alarm of the kernel's own sensor (hwmon "rpi_volt").
    """

    model: str = ""
    memory: int | None = None
    available: int | None = None
    hottest: float | None = None
    throttled: int | None = None
    low_volts: bool | None = None


def read(case: Case) -> BoardFacts:
    """Look at /proc and /sys, and ask the firmware of a Raspberry Pi."""
    machine = case.machine
    told = machine.text("/proc/meminfo") or ""
    return BoardFacts(
        model=(machine.text("/proc/device-tree/model") or "").strip("\0\n"),
        memory=_meminfo(told, "MemTotal"),
        available=_meminfo(told, "MemAvailable"),
        hottest=_hottest(machine),
        throttled=throttled(machine.run(["vcgencmd", "get_throttled"]) or ""),
        low_volts=_low_volts(machine),
    )


def _meminfo(text: str, name: str) -> int | None:
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _hottest(machine: Machine) -> float | None:
    zones = machine.at("/sys/class/thermal").glob("thermal_zone*/temp")
    read = [machine.number(zone) for zone in zones]
    return max((millidegrees / 1000 for millidegrees in read if millidegrees is not None), default=None)


def _low_volts(machine: Machine) -> bool | None:
    for sensor in machine.at("/sys/class/hwmon").glob("hwmon*"):
        if (machine.text(sensor / "name") or "").strip() == "rpi_volt":
            return machine.number(sensor / "in0_lcrit_alarm") == 1
    return None


def throttled(said: str) -> int | None:
    """Return the bits of ``throttled=0x50005``."""
    found = re.fullmatch(r"throttled=0x([0-9a-fA-F]+)", said.strip())
    return int(found[1], 16) if found else None


def judge(facts: BoardFacts) -> list[Finding]:
    """Return what is to be said of the board."""
    found = [*_memory(facts), *_heat(facts), *_supply(facts)]
    if any(finding.is_trouble for finding in found):
        return found
    told = {
        "model": facts.model or "—",
        "memory": "—" if facts.available is None else size(facts.available),
        "degrees": "—" if facts.hottest is None else f"{facts.hottest:.0f} °C",
    }
    return [find("board-fine", **told), *found]


def _memory(facts: BoardFacts) -> Iterator[Finding]:
    if facts.memory and facts.available is not None and facts.available < LITTLE_MEMORY * facts.memory:
        yield find("memory-little", available=size(facts.available), total=size(facts.memory))


def _heat(facts: BoardFacts) -> Iterator[Finding]:
    bits = facts.throttled or 0
    shown = "—" if facts.hottest is None else f"{facts.hottest:.0f} °C"
    if bits & (_CAPPED_NOW | _THROTTLED_NOW | _SOFT_NOW) or (facts.hottest or 0) >= HOT_C:
        yield find("board-hot", degrees=shown)
    elif (facts.hottest or 0) >= WARM_C:
        yield find("board-warm", degrees=shown)
    elif bits & _THROTTLED_ONCE:
        yield find("board-was-hot")


def _supply(facts: BoardFacts) -> Iterator[Finding]:
    bits = facts.throttled or 0
    if bits & _LOW_NOW or facts.low_volts:
        yield find("supply-low")
    elif bits & _LOW_ONCE:
        yield find("supply-was-low")


def look(case: Case) -> list[Finding]:
    """Read and judge."""
    return judge(read(case))
