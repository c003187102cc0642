"""The host's clock is unknown, arrives, jumps: nothing is dated by guess, nothing is delayed, dropped or reordered."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import PLANTGATE, Stage, arrived, device
from tests.e2e.test_disk import LIMIT, POINTS, PRESSURE, plant, polled
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.harness import Record

HOUR_S = 3600
ON_DELAY_S = 3


def library() -> Path:
    """Return libfaketime, wherever this Debian keeps it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "libfaketime is missing: apt-get install faketime"
    return found[0]


class WallClock:
    """The wall clock that the agent sees; monotonic time stays as it is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process see it."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, offset_s: int) -> None:
        """Let it go before or after the real one, from now on."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{offset_s:+d}")
        draft.rename(self._file)


def private(environment: Mapping[str, str]) -> list[str]:
    """Return a command that runs the agent with a /run of its own, where nobody vouches for the clock.

    Of the three witnesses the kernel is made to refuse (as our unit's ProtectClock= does) and chrony cannot run.
    """
    setup = "mount -t tmpfs none /run; [ ! -e /usr/bin/chronyc ] || mount --bind /dev/null /usr/bin/chronyc"
    words = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull]
    words += ["-e", "trace=adjtimex,clock_adjtime", "-e", "inject=adjtimex,clock_adjtime:error=EPERM"]
    words += ["unshare", "-m", "sh", "-ec", f'{setup}; exec env "$@"', "sh"]
    words += [f"{name}={value}" for name, value in environment.items()]
    become = "import os, sys; os.execvp(sys.argv[1], [*sys.argv[1:-1], sys.executable, *'{}'.split(), sys.argv[-1]])"
    return ["-c", become.format(" ".join(PLANTGATE)), *words]


def vouch(stage: Stage) -> None:
    """Say in the agent's /run, as systemd-timesyncd does, that the clock is synchronised."""
    flag = Path(f"/proc/{stage.agent.pid}/root/run/systemd/timesync/synchronized")
    flag.parent.mkdir(parents=True)
    flag.touch()


def in_order(records: list[Record]) -> list[Record]:
    """Return records in the order of the chain."""
    return sorted(records, key=lambda record: record["seq"])


def test_c1_started_in_1970(tmp_path: Path) -> None:
    """Until somebody vouches for the clock no record has a date; then one signed record dates what came before."""
    wall = WallClock(tmp_path / "faketime")
    wall.set(-int(datetime.now().timestamp()) + 100)
    with Stage(tmp_path) as stage:
        stage.write(**plant() | {"gateway": {"clock": "auto"}})
        stage.agent.start(private(wall.environment))
        arrived(stage, lambda: len(stage.counts()) >= 5)
        assert {record["ts"] for record in stage.records()} == {None}
        assert {record["clk"]["q"] for record in stage.records()} == {"unsync"}

        wall.set(0)
        polled(stage)
        assert not stage.records("clock"), "a date that nobody vouches for is not believed"
        vouch(stage)
        arrived(stage, lambda: stage.records("clock"))
        polled(stage)
        stage.finish()

        [clock] = stage.records("clock")
        assert (clock["why"], clock["source"]) == ("first", "timesyncd")
        assert abs(datetime.fromisoformat(clock["wall"]).timestamp() - datetime.now().timestamp()) < 60
        for record in stage.records():
            known = record["clk"]["up"] >= clock["clk"]["up"]
            assert (record["ts"] is not None) == known == (record["clk"]["q"] == "sync"), record


@contextmanager
def stepping(tmp_path: Path) -> Iterator[tuple[Stage, WallClock]]:
    """Run the agent with a limit that waits before it raises, on a clock that can be stepped."""
    wall = WallClock(tmp_path / "faketime")
    limit = LIMIT | {"on_delay": f"{ON_DELAY_S}s"}
    devices = [device("meter", points=POINTS, timeout="10s")]
    with Stage(tmp_path) as stage:
        stage.write(devices=devices, limits=[limit], buffer={"keep": "1d"})
        stage.agent.start(environment=wall.environment)
        arrived(stage, lambda: len(stage.counts()) >= 5)
        yield stage, wall


@pytest.mark.parametrize("step_s", [-HOUR_S, 24 * HOUR_S])
def test_c2_c3_the_clock_is_set(tmp_path: Path, step_s: int) -> None:
    """An hour back, a day forward: it is told, delays do not notice, nothing is dropped, the chain verifies."""
    with stepping(tmp_path) as (stage, wall):
        stage.meters.set(PRESSURE, 60)
        arrived(stage, lambda: any(record["values"]["pressure"] == 60 for record in stage.records("readings")))
        wall.set(step_s)
        arrived(stage, lambda: stage.records("clock", why="step"))
        assert eventually(lambda: stage.records("alarm")), "the delay has run out"
        polled(stage)
        stage.finish()

        [step] = stage.records("clock", why="step")
        before, after = (datetime.fromisoformat(step[name]) for name in ("before", "after"))
        assert abs(step["step_s"] - step_s) < 1
        assert abs((after - before).total_seconds() - step["step_s"]) < 0.01
        readings = in_order(stage.records("readings"))
        for one, next_ in pairwise(readings):
            assert one["clk"]["up"] < next_["clk"]["up"], "the order is that of the readings"
            told = datetime.fromisoformat(next_["ts"]) - datetime.fromisoformat(one["ts"])
            shift = step_s if one["seq"] < step["seq"] < next_["seq"] else 0
            assert abs(told.total_seconds() - shift - (next_["clk"]["up"] - one["clk"]["up"])) < 0.6

        begun = next(record for record in readings if record["values"]["pressure"] == 60)
        [alarm] = stage.records("alarm")
        waited = alarm["clk"]["up"] - begun["clk"]["up"]
        assert ON_DELAY_S <= waited < ON_DELAY_S + 20, "not at once, and not in an hour"
        kept = stage.stored()
        assert set(kept.wires) == set(range(1, kept.head + 1)), "nothing is trimmed by a clock"
