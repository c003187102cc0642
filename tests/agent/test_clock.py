"""Time that is not believed too early, never guessed, and whose steps are told."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import ClockState, Machine, SystemClock, advance, boot_id, clk, ts, wall_of
from agent.timesync import TimeServices, adjtimex, chrony_is_synchronised, kernel_is_synchronised, timesyncd_is_fresh

SECOND = 1_000_000_000
NOON = 1_795_348_800 * SECOND  # 2026-11-22T12:00:00Z


@dataclass
class Machinery:
    """A machine whose clocks and witness the test turns."""

    wall: int = 0
    mono: int = 100 * SECOND
    witness: str | None = None
    boot: str = "a6ebeace"
    asked: int = 0
    torn: list[int] = field(default_factory=list)

    def wall_ns(self) -> int:
        """Return the wall clock."""
        return self.wall

    def mono_ns(self) -> int:
        """Return uptime, after the next interruption if one is due."""
        self.mono += self.torn.pop(0) if self.torn else 0
        return self.mono

    def vouched_by(self, wall_ns: int, mono_ns: int) -> str | None:
        """Return the witness, and count the question."""
        self.asked += 1
        return self.witness

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += round(seconds * SECOND)
        self.mono += round(seconds * SECOND)


def synced() -> tuple[SystemClock, Machinery]:
    """Return a clock that knows noon at uptime 100 s."""
    host = Machinery(wall=NOON, witness="timesyncd")
    clock = SystemClock(host=host)
    clock.look()
    return clock, host


@pytest.mark.parametrize(
    ("wall_ms", "q", "expected"),
    [
        (0, "sync", "1970-01-01T00:00:00.000Z"),
        (1_795_348_800_007, "sync", "2026-11-22T12:00:00.007Z"),
        (1_795_348_800_999, "hold", "2026-11-22T12:00:00.999Z"),
        (1_795_348_800_007, "unsync", None),
        (None, "sync", None),
        (-1, "sync", None),
        (253_402_300_799_999, "sync", "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "sync", None),
        (951_782_400_000, "sync", "2000-02-29T00:00:00.000Z"),
    ],
)
def test_ts(wall_ms: int | None, q: str, expected: str | None) -> None:
    """UTC with milliseconds; null while time is not known or cannot be written."""
    assert ts(wall_ms, q) == expected  # type: ignore[arg-type]


def test_boxes_start_without_time_and_do_not_guess() -> None:
    """C1: at 1970 (or any build date) with nobody vouching there is no `ts`, and `clk` says unsync."""
    host = Machinery(wall=0)
    clock = SystemClock(host=host)

    assert clock.look() == ()
    assert clock.stamp() == (None, {"boot": "a6ebeace", "up": 100.0, "q": "unsync"}, None)
    assert clock.quality() == "unsync"


def test_the_first_time_is_told_once() -> None:
    """C1: when time arrives, six years later than the box thought, one `clock` record dates the boot."""
    host = Machinery(wall=0)
    clock = SystemClock(host=host)
    clock.look()
    host.pass_s(10)
    host.wall, host.witness = NOON, "timesyncd"

    drafts = clock.look()
    host.pass_s(1)

    assert drafts == (
        {
            "kind": "clock",
            "ts": "2026-11-22T12:00:00.000Z",
            "clk": {"boot": "a6ebeace", "up": 110.0, "q": "sync"},
            "wall": "2026-11-22T12:00:00.000Z",
            "why": "first",
            "source": "timesyncd",
        },
    )
    assert clock.look() == ()
    assert clock.stamp().ts == "2026-11-22T12:00:01.000Z"


def test_what_was_measured_before_time_was_known_stays_undated() -> None:
    """A scan from before the first time that is stamped after it is not dated by hindsight."""
    clock, _ = synced()

    assert clock.stamp(99 * SECOND) == (None, {"boot": "a6ebeace", "up": 99.0, "q": "unsync"}, None)
    assert clock.stamp(100 * SECOND).ts == "2026-11-22T12:00:00.000Z"


@pytest.mark.parametrize(
    ("name", "step_s", "told"),
    [
        ("C2: an hour back", -3600, True),
        ("C3: a day forward", 86400, True),
        ("just over the threshold", 0.501, True),
        ("at the threshold", 0.5, False),
        ("a slew", -0.02, False),
    ],
)
def test_steps_are_told_with_before_and_after(name: str, step_s: float, told: bool) -> None:
    """A wall clock that leaves its course by more than 0.5 s gives a `clock` record; less is followed silently."""
    clock, host = synced()
    host.pass_s(60)
    host.wall += round(step_s * SECOND)

    drafts = clock.look()

    assert [(draft["why"], draft["step_s"], draft["before"], draft["after"]) for draft in drafts] == (
        [("step", step_s, "2026-11-22T12:01:00.000Z", ts((host.wall) // 1_000_000))] if told else []
    ), name
    assert clock.stamp().wall_ms == host.wall // 1_000_000


def test_a_step_is_taken_over_only_when_it_is_told() -> None:
    """Between the step and the look, records are still dated by the old reckoning: the chain shows one border."""
    clock, host = synced()
    host.wall -= 3600 * SECOND

    before = clock.stamp().ts
    clock.look()

    assert (before, clock.stamp().ts) == ("2026-11-22T12:00:00.000Z", "2026-11-22T11:00:00.000Z")


def test_slow_drift_is_told_when_it_adds_up() -> None:
    """Small departures are followed, and told as one step once they sum up to more than 0.5 s."""
    clock, host = synced()
    told = []
    for _ in range(10):
        host.pass_s(1)
        host.wall += SECOND // 10
        told.append(len(clock.look()))

    assert told == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_a_lost_time_service_means_hold_and_is_told() -> None:
    """C8: sync becomes hold when nobody vouches any more, and sync again when somebody does; both are events."""
    clock, host = synced()
    host.pass_s(10)
    host.witness = None
    (lost,) = clock.look()
    stamp = clock.stamp()
    host.pass_s(10)
    host.witness = "kernel"
    (back,) = clock.look()

    assert (lost["kind"], lost["event"], lost["source"], lost["clk"]["q"]) == (
        "event",
        "clock-hold",
        "timesyncd",
        "hold",
    )
    assert (stamp.ts, stamp.clk["q"]) == ("2026-11-22T12:00:10.000Z", "hold")
    assert (back["event"], back["source"]) == ("clock-sync", "kernel")


def test_a_step_while_nobody_vouches_says_so() -> None:
    """Somebody turned the clock by hand: the source of the step is nobody."""
    clock, host = synced()
    host.pass_s(10)
    host.witness = None
    clock.look()
    host.wall += 60 * SECOND

    (draft,) = clock.look()

    assert (draft["why"], draft["source"], draft["clk"]["q"]) == ("step", "nobody", "hold")


def test_before_time_is_known_steps_mean_nothing() -> None:
    """A wall clock nobody believes may jump as it likes."""
    host = Machinery(wall=0)
    clock = SystemClock(host=host)
    clock.look()
    host.wall = NOON

    assert clock.look() == ()


def test_time_services_are_asked_at_most_every_five_seconds() -> None:
    """Looking often is cheap; asking is not."""
    clock, host = synced()
    for _ in range(40):
        host.pass_s(0.25)
        clock.look()

    assert host.asked == 3


def test_a_trusted_clock_asks_nobody() -> None:
    """`clock = "trusted"` is the site's word."""
    host = Machinery(wall=NOON)
    clock = SystemClock(trusted=True, host=host)
    (draft,) = clock.look()

    assert (draft["why"], draft["source"], clock.quality(), host.asked) == ("first", "trusted", "sync", 0)


def test_a_restart_in_the_same_boot_remembers() -> None:
    """Time known earlier in this boot is known at once and told no second time; a step or a loss in between is."""
    clock, host = synced()
    memory = clock.snapshot()

    quiet = SystemClock(remembered=memory, host=host)
    assert (quiet.quality(), quiet.stamp().ts) == ("sync", "2026-11-22T12:00:00.000Z")
    assert quiet.look() == ()

    host.wall, host.witness = host.wall + 60 * SECOND, None
    stepped = SystemClock(remembered=memory, host=host)
    assert [draft.get("why", draft.get("event")) for draft in stepped.look()] == ["step", "clock-hold"]


@pytest.mark.parametrize("remembered", [b"", b"{}", b"[]", b'{"boot":1}', b'{"boot":"a6ebeace","x":1}'])
def test_a_memory_that_cannot_be_read_is_no_memory(remembered: bytes) -> None:
    """Then time is simply not known yet."""
    assert SystemClock(remembered=remembered, host=Machinery(wall=NOON)).quality() == "unsync"


def test_another_boot_remembers_nothing() -> None:
    """Offsets of one boot say nothing about the next."""
    clock, _ = synced()
    after = SystemClock(remembered=clock.snapshot(), host=Machinery(wall=0, boot="11112222"))

    assert (after.quality(), after.boot) == ("unsync", "11112222")


def test_two_clocks_read_far_apart_are_read_again() -> None:
    """A process that was stopped between the two readings does not see a step."""
    clock, host = synced()
    host.torn = [0, 120 * SECOND]
    host.wall += 120 * SECOND

    assert clock.look() == ()


def test_a_machine_that_keeps_interrupting_is_looked_at_later() -> None:
    """Three torn readings in a row decide nothing."""
    clock, host = synced()
    host.torn = [0, SECOND, 0, SECOND, 0, SECOND]

    assert clock.look() == ()
    assert clock.quality() == "sync"


def test_uptime_beyond_every_32_bit_wrap() -> None:
    """C7: uptime and dates stay right after 2^31 ms and 2^32 s."""
    for uptime_s in (2**31 / 1000 + 0.5, 2**32 + 0.125):
        state = ClockState(boot="a6ebeace", q="sync", offset_ns=NOON, told_ns=NOON)
        mono = round(uptime_s * SECOND)

        assert clk(state, mono)["up"] == round(uptime_s, 3)
        assert wall_of(state, mono) == (NOON + mono) // 1_000_000


@given(st.lists(st.tuples(st.integers(-(10**13), 10**13), st.sampled_from([None, "kernel"])), max_size=30))
def test_the_chain_can_always_reconstruct_the_offset(looks: list[tuple[int, str | None]]) -> None:
    """Whatever the clocks do, the last `clock` record and uptime date any moment to within 0.5 s."""
    state, told, mono = ClockState(boot="a6ebeace"), None, 0
    for shift, source in looks:
        mono += SECOND
        state, drafts = advance(state, NOON + mono + shift, mono, source)
        for draft in drafts:
            if draft["kind"] == "clock":
                told = shift
        believed = wall_of(state, mono)
        assert (believed is None) == (told is None)
        if believed is not None and told is not None:
            assert abs(believed - (NOON + mono + told) // 1_000_000) <= 501


@pytest.mark.parametrize(
    ("age_s", "fresh"), [(0, True), (2048, True), (6144, True), (6145, False), (-5, True), (-6, False), (None, False)]
)
def test_only_a_fresh_flag_of_timesyncd_counts(age_s: int | None, fresh: bool) -> None:
    """The flag stays when the service is stopped, and lies in the future when the clock was set back."""
    assert timesyncd_is_fresh(None if age_s is None else 10**12 - age_s * 1000, 10**12) is fresh


@pytest.mark.parametrize(("state", "expected"), [(0, True), (1, True), (4, True), (5, False), (None, False)])
def test_the_kernel_says_synchronised_by_any_state_but_error(state: int | None, expected: bool) -> None:
    """adjtimex(2): 5 is TIME_ERROR; leap second states are synchronised; forbidden is no statement."""
    assert kernel_is_synchronised(state) is expected


TRACKING = "0A000001,10.0.0.1,3,1795348800.1,0.0001,0.0001,0.0002,1.2,0.0,0.1,0.02,0.001,64.2,Normal\n"


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (TRACKING, True),
        (TRACKING.replace("Normal", "Insert second"), True),
        (TRACKING.replace("Normal", "Not synchronised"), False),
        (TRACKING.replace("0A000001,10.0.0.1", "7F7F0101,"), False),
        ("506 Cannot talk to daemon\n", False),
        ("", False),
    ],
)
def test_chrony_counts_when_it_follows_somebody(report: str, expected: bool) -> None:
    """A chronyd that serves its own free-running clock (local stratum) vouches for nothing."""
    assert chrony_is_synchronised(report) is expected


def program(path: Path, text: str) -> Path:
    """Write an executable script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_witnesses_are_asked_in_order(tmp_path: Path) -> None:
    """First the flag of timesyncd, then the kernel, then nobody."""
    flag, nowhere = tmp_path / "synchronized", tmp_path / "chronyc"
    flag.touch()
    now_ms = flag.stat().st_mtime_ns // 1_000_000

    assert TimeServices(flag, lambda: 5, nowhere).vouched_by(now_ms, 0) == "timesyncd"
    flag.unlink()
    assert TimeServices(flag, lambda: 0, nowhere).vouched_by(now_ms, 0) == "kernel"
    assert TimeServices(flag, lambda: 5, nowhere).vouched_by(now_ms, 0) is None


def test_chrony_is_asked_without_waiting(tmp_path: Path) -> None:
    """The question is asked at one look and its answer found at a later one; the next question comes a minute later."""
    chronyc = program(tmp_path / "chronyc", f"echo x >> {tmp_path}/asked; printf '{TRACKING.strip()}'")
    services = TimeServices(tmp_path / "none", lambda: None, chronyc)

    first = services.vouched_by(0, 0)
    services._chrony._question.wait(20)  # type: ignore[union-attr]
    found = [services.vouched_by(0, second * SECOND) for second in (5, 30, 59)]

    assert first is None
    assert found == ["chrony"] * 3
    assert (tmp_path / "asked").read_text() == "x\n"


def test_a_chronyc_that_hangs_is_given_up(tmp_path: Path) -> None:
    """A question without an answer for a minute is ended, and nobody vouches."""
    services = TimeServices(tmp_path / "none", lambda: None, program(tmp_path / "chronyc", "exec sleep 1000"))
    services.vouched_by(0, 0)
    hung = services._chrony._question

    assert services.vouched_by(0, 61 * SECOND) is None
    assert hung is not None
    assert hung.returncode is not None
    services._chrony._question.kill()  # type: ignore[union-attr]
    services._chrony._question.communicate()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("environment", "file", "expected"),
    [
        ({"BOOT_ID": "a6ebeace5d0f4c7f8f6a0123456789ab"}, None, "a6ebeace"),
        ({"BOOT_ID": "%b"}, "0f1e2d3c-1111-2222-3333-444455556666\n", "0f1e2d3c"),
        ({}, "0F1E2D3C-1111-2222-3333-444455556666\n", "0f1e2d3c"),
    ],
)
def test_boot_id(tmp_path: Path, environment: dict[str, str], file: str | None, expected: str) -> None:
    """From systemd's %b, else from the kernel; 8 lower-case hex digits."""
    path = tmp_path / "boot_id"
    if file is not None:
        path.write_text(file)

    assert boot_id(environment, path) == expected


def test_a_boot_id_that_cannot_be_had_is_invented_and_different_each_time(tmp_path: Path) -> None:
    """Uptimes of such a process compare with nobody else's."""
    invented = {boot_id({}, tmp_path / "none") for _ in range(3)}

    assert len(invented) == 3
    assert all(len(found) == 8 for found in invented)


def test_the_real_machine_has_clocks() -> None:
    """Monotonic time moves forward, the kernel's answer is one of its states, and the boot id is that of the kernel."""
    machine = Machine({})
    kernel = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")

    assert machine.mono_ns() <= machine.mono_ns()
    assert machine.wall_ns() > 1_700_000_000 * SECOND
    assert machine.boot == kernel[:8]
    assert adjtimex() in {None, 0, 1, 2, 3, 4, 5}


STEPPING = """
import os, sys
from agent.clock import SystemClock
clock = SystemClock(trusted=True)
print([draft["why"] for draft in clock.look()])
with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as file:
    file.write(sys.argv[1])
print([(draft["why"], round(draft["step_s"])) for draft in clock.look()])
"""


@pytest.mark.parametrize(("moved", "step_s"), [("-1h", -3600), ("+1d", 86400)])
def test_a_real_process_notices_its_clock_being_turned(tmp_path: Path, moved: str, step_s: int) -> None:
    """C2, C3 with libfaketime: the wall clock of a running process is moved, its monotonic clock is not."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    file = tmp_path / "time"
    file.write_text("+0s")
    settings = {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    found = subprocess.run(
        [sys.executable, "-c", STEPPING, moved],
        env={**os.environ, "LD_PRELOAD": str(library), **settings},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert found.stdout.splitlines() == ["['first']", f"[('step', {step_s})]"]
