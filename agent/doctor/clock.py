"""The clock: whether anybody vouches for it, whether it can be right at all, and what it does after a power cut."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from agent.doctor.finding import find
from agent.timesync import TIMESYNCD_FLAG, adjtimex, chrony_is_synchronised, kernel_is_synchronised, timesyncd_is_fresh

if TYPE_CHECKING:
    from agent.doctor.case import Case
    from agent.doctor.finding import Finding

EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Before this there was no plantgate."""
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
MOST_RTC_S: Final = 120
SERVICES: Final = ("systemd-timesyncd", "chrony", "chronyd", "ntpsec", "ntp")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """What was seen.

    `kernel` is the state of adjtimex(2), ``None`` where it may not be asked; `flag_ms` when timesyncd last
    synchronised; `chrony` what `chronyc -c tracking` said. `rtc_s` is the time of the battery clock, ``None`` where
    there is none. `agent` is the quality the running agent sees, `trusted` whether the site vouches itself.
    """

    wall_ms: int
    kernel: int | None = None
    flag_ms: int | None = None
    chrony: str = ""
    services: tuple[str, ...] = ()
    rtc: bool = False
    rtc_s: int | None = None
    agent: Literal["sync", "hold", "unsync"] | None = None
    trusted: bool = False


def read(case: Case) -> ClockFacts:
    """Ask the kernel, the time services, the battery clock and the agent."""
    machine = case.machine
    try:
        flag_ms = machine.at(str(TIMESYNCD_FLAG)).stat().st_mtime_ns // 1_000_000
    except OSError:
        flag_ms = None
    active = machine.run(["systemctl", "is-active", *SERVICES]) if machine.is_systemd else None
    return ClockFacts(
        wall_ms=machine.wall_ms,
        kernel=adjtimex(),
        flag_ms=flag_ms,
        chrony=machine.run(["chronyc", "-n", "-c", "tracking"]) or "",
        services=tuple(
            name for name, state in zip(SERVICES, (active or "").split(), strict=False) if state == "active"
        ),
        rtc=machine.at("/sys/class/rtc/rtc0").exists(),
        rtc_s=machine.number("/sys/class/rtc/rtc0/since_epoch"),
        agent=(case.answers.status or {}).get("clock"),
        trusted=case.site is not None and case.site.gateway.clock == "trusted",
    )


def witness(facts: ClockFacts) -> str | None:
    """Return who vouches for the clock, ``None`` when nobody does."""
    if timesyncd_is_fresh(facts.flag_ms, facts.wall_ms):
        return "systemd-timesyncd"
    if kernel_is_synchronised(facts.kernel):
        return "kernel"
    return "chrony" if chrony_is_synchronised(facts.chrony) else None


def judge(facts: ClockFacts) -> list[Finding]:
    """Return what is to be said of the clock."""
    now = datetime.fromtimestamp(max(0, min(facts.wall_ms, 2**42)) / 1000, UTC)
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    by = witness(facts)
    found: list[Finding] = []
    if not EARLIEST <= now < LATEST:
        found.append(find("clock-impossible", now=shown))
    if by is not None:
        found.append(find("clock-fine", now=shown, witness=by))
    elif facts.trusted:
        found.append(find("clock-trusted", now=shown))
    elif facts.services:
        found.append(find("clock-not-yet", now=shown, service=facts.services[0]))
    else:
        found.append(find("clock-alone", now=shown))
    if by is not None and facts.agent in ("hold", "unsync"):
        found.append(find("clock-agent-doubts", quality=facts.agent))
    return [*found, *_battery(facts, is_known=by is not None)]


def _battery(facts: ClockFacts, *, is_known: bool) -> list[Finding]:
    if not facts.rtc:
        return [find("clock-no-battery")]
    off_s = 0 if facts.rtc_s is None else facts.rtc_s - facts.wall_ms // 1000
    if is_known and abs(off_s) > MOST_RTC_S:
        return [find("clock-battery-wrong", off=off_s)]
    return []


def look(case: Case) -> list[Finding]:
    """Read and judge."""
    return judge(read(case))
