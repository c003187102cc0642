"""The disk fills, fails, rots and is swapped under the agent; what is lost is signed, what was told stays told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness import Stage, arrived, bounded, device, point
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.harness import Record

PAGE = 4096
PRESSURE = 10
"""The register under a limit."""
POINTS = [point(), point("pressure", at=PRESSURE)]
WIDE = [point(f"{number:060d}", at=number, type_=None, register="coil") for number in range(600)]
"""Six hundred points make a record of 40 KB; so four megabytes are full in seconds."""
LIMIT = {"point": "meter.pressure", "high": 50.0, "deadband": 5.0}
PATIENCE = "10s"
"""A busy machine must not cost an answer: the tests count them."""


def plant(*, wide: int = 0, **buffer: Any) -> dict[str, Any]:
    """Return a site with a device under a limit and perhaps one with many points, whose records are large."""
    devices = [device("meter", points=POINTS, timeout=PATIENCE)]
    if wide:
        devices.append(device("wide", 2, points=WIDE[:wide], timeout=PATIENCE, poll="50ms"))
    return {"devices": devices, "limits": [LIMIT], "buffer": buffer}


def run_apart(stage: Stage, **changes: Any) -> None:
    """Start the agent, let the platform hear of it, then take the broker away."""
    stage.run(**changes)
    arrived(stage, lambda: len(stage.counts()) >= 3)
    stage.link.refuse()


def judged(stage: Stage) -> None:
    """Let the alarm come and go: it must be judged on the spot, whatever the disk does (O5)."""
    _judged(stage, 60)
    _judged(stage, 40)


def _judged(stage: Stage, value: int) -> None:
    before = stage.agent.said.count(" event=alarm ")
    stage.meters.set(PRESSURE, value)
    assert eventually(lambda: stage.agent.said.count(" event=alarm ") > before), "O5: not judged"


def told(stage: Stage) -> list[tuple[str, int]]:
    """Return state and value of the alarms the platform got, in the order of the chain."""
    found = sorted(stage.records("alarm"), key=lambda record: record["seq"])
    return [(record["state"], record["value"]) for record in found]


ONCE = [("raised", 60), ("cleared", 40)]


def polled(stage: Stage, more: int = 10) -> None:
    """Wait until the device has been asked some more."""
    before = stage.meters.counts[1]
    assert eventually(lambda: stage.meters.counts[1] >= before + more), "sampling has stopped"


def caught_up(stage: Stage) -> None:
    """Give the broker back, and wait until what is read now has arrived."""
    stage.link.accept()
    now = stage.meters.counts[1]
    arrived(stage, lambda: max(stage.counts(), default=0) > now)


def explained(gaps: list[Record]) -> set[int]:
    """Return the numbers that gaps sign for."""
    return {seq for gap in gaps for first, last, *_ in gap["runs"] for seq in range(first, last + 1)}


def unbroken(counts: list[int]) -> None:
    """Every answer of the device is there, once and in order."""
    assert counts == list(range(counts[0], counts[0] + len(counts)))


# --- full ------------------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(directory: Path, mebibytes: int) -> Iterator[Path]:
    """Mount a small ext4 file system on `directory`."""
    directory.mkdir(parents=True)
    image = directory.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(mebibytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-F", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(path: Path) -> None:
    """Write until the disk has no room left."""
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, PAGE, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    os.sync()


def test_d1_others_fill_the_disk(tmp_path: Path) -> None:
    """Sampling and alarms go on; when there is room again everything is told, and what had to go is signed."""
    with small_disk(tmp_path / "stage" / "state", 32) as disk, Stage(tmp_path / "stage") as stage:
        run_apart(stage, **plant(wide=150))
        before = stage.agent.resources()
        polled(stage)
        fill(disk / "others")
        assert eventually(lambda: "store full" in stage.agent.said), "O10: it shows in the log"
        fill(disk / "others")  # the ballast too
        judged(stage)
        polled(stage, 20)
        bounded(before, stage.agent.resources())

        (disk / "others").unlink()
        polled(stage)
        caught_up(stage)
        stage.finish()
        assert told(stage) == ONCE
        assert stage.records("gap", reason="capacity"), "what had to go is signed"
        assert not stage.events("store-damaged"), "a disk without room is not a damaged store"


def test_d1_a_disk_that_is_full_at_the_start(tmp_path: Path) -> None:
    """The agent ends with the reason and what to do; when there is room the same command works."""
    with small_disk(tmp_path / "stage" / "state", 8) as disk, Stage(tmp_path / "stage") as stage:
        fill(disk / "others")
        stage.write(**plant())
        stage.agent.start(ready=False)
        assert stage.agent.wait() == 1
        assert "free disk space" in stage.agent.said
        assert "Traceback" not in stage.agent.said

        (disk / "others").unlink()
        stage.agent.start()
        arrived(stage, lambda: len(stage.counts()) >= 3)
        stage.finish()


def test_d2_the_stores_own_cap(tmp_path: Path) -> None:
    """Without a broker the oldest readings go, against signed gaps; alarms and events never."""
    with Stage(tmp_path) as stage:
        run_apart(stage, **plant(wide=600, max_size="4MiB"))
        before = stage.agent.resources()
        judged(stage)
        assert eventually(lambda: "store full" in stage.agent.said, 60), "O10: it shows in the log"
        polled(stage, 20)
        judged(stage)
        assert (stage.state / "outbox.db").stat().st_size <= 4 << 20, "O6: the cap holds"
        bounded(before, stage.agent.resources())
        assert stage.agent.terminate() == 0
        kept = stage.stored()
        gone = explained([record for record in kept.records if record["kind"] == "gap"])
        waiting = [record["seq"] for record in kept.records if record["kind"] == "readings"]
        assert gone
        assert max(gone) < min(waiting), "oldest first"

        stage.link.accept()
        stage.agent.start()
        caught_up(stage)
        stage.finish()
        assert told(stage) == ONCE * 2
        assert not gone & {record["seq"] for record in stage.records() if record["kind"] != "readings"}
        there = (*stage.records("readings"), *stage.stored().records)  # the end of the backlog may still wait
        readings = [one for one in there if one["kind"] == "readings" and one["device"] == "meter"]
        counts = {one["values"]["count"] for one in readings}
        unbroken(sorted(count for count in counts if count)[-10:])


# --- failing ---------------------------------------------------------------------------------------------------------


class Tampering:
    """The kernel gives the running agent other answers to some calls, until told to stop."""

    def __init__(self, pid: int, calls: str, how: str, log: Path) -> None:
        self._log = log
        words = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}", "-e", f"inject={calls}:{how}"]
        self._strace = subprocess.Popen([*words, "-p", str(pid)], stdin=subprocess.DEVNULL)
        tasks = Path(f"/proc/{pid}/task")
        assert eventually(lambda: all(_traced(task / "status") for task in tasks.iterdir())), "strace does not attach"

    @property
    def hits(self) -> int:
        """How many calls have been answered otherwise."""
        return self._log.read_text("utf-8", "replace").count("(INJECTED)")

    def stop(self) -> None:
        """Let the kernel answer again."""
        self._strace.terminate()
        self._strace.wait(10)


def _traced(status: Path) -> bool:
    return "TracerPid:\t0\n" not in status.read_text()


@contextmanager
def tampered(stage: Stage, calls: str, how: str) -> Iterator[Tampering]:
    """Tamper with the stage's agent for the length of a block."""
    tampering = Tampering(stage.agent.pid, calls, how, stage.directory / "strace.log")
    try:
        yield tampering
    finally:
        tampering.stop()


def no_room(stage: Stage, nth: int) -> None:
    """Let the space end at the nth write of a commit, for a while; then wait until it is over."""
    with tampered(stage, "pwrite64", f"error=ENOSPC:when={nth}+") as disk:
        assert eventually(lambda: disk.hits >= 2)
        polled(stage, 5)
        if nth == 1:
            judged(stage)
    now = stage.meters.counts[1]
    arrived(stage, lambda: stage.counts()[-1] > now)


def test_d3_no_space_in_the_middle_of_a_commit(tmp_path: Path) -> None:
    """Wherever within a commit the space ends, and for how long: no half record, no lost answer, the chain goes on."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        for nth in range(1, 7):
            no_room(stage, nth)
        stage.finish()
        assert told(stage) == ONCE
        counts, gone = stage.counts(), explained(stage.records("gap"))
        assert counts[-1] - counts[0] + 1 - len(counts) <= len(gone), "no answer is missing but those signed away"
        assert not stage.events("store-damaged"), "a disk without room is not a damaged store"
        assert stage.events("store-failed"), "O10: it stands in the chain"
        assert stage.events("store-recovered")


def test_d4_syncs_fail_for_a_while(tmp_path: Path) -> None:
    """Nothing counts as committed, so nothing leaves the box; when the disk works again, every answer is told."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        before = stage.agent.resources()
        with tampered(stage, "fdatasync,fsync", "error=EIO") as disk:
            assert eventually(lambda: disk.hits >= 2 and "store refuses" in stage.agent.said)
            polled(stage, 5)
            heard = len(stage.wires)
            judged(stage)
            polled(stage, 20)
            assert len(stage.wires) == heard, "nothing that is not durable leaves the box"
        caught_up(stage)
        bounded(before, stage.agent.resources())
        stage.finish()
        unbroken(stage.all_counts())
        assert told(stage) == ONCE
        assert len(stage.events("store-failed")) == len(stage.events("store-recovered")) == 1


def one_failure(stage: Stage, nth: int) -> None:
    """Let the nth sync fail, and only that."""
    with tampered(stage, "fdatasync,fsync", f"error=EIO:when={nth}") as disk:
        assert eventually(lambda: disk.hits >= 1)
        polled(stage, 5)


def test_d4_one_sync_fails(tmp_path: Path) -> None:
    """A sync that works the second time proves nothing: the store is opened anew, and no answer is lost."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        for nth in range(1, 5):
            one_failure(stage, nth)
        caught_up(stage)
        stage.finish()
        unbroken(stage.all_counts())


def test_d4_killed_while_syncs_fail(tmp_path: Path) -> None:
    """What the platform has heard of is in the store that is found after the kill."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        with tampered(stage, "fdatasync,fsync", "error=EIO"):
            assert eventually(lambda: "store refuses" in stage.agent.said)
            polled(stage)
            stage.agent.kill()
        heard = max(json.loads(wire)["seq"] for wire in stage.wires)
        assert stage.stored().head >= heard
        stage.agent.start()
        caught_up(stage)
        stage.finish()


# --- damaged, gone, older --------------------------------------------------------------------------------------------


def scribble(database: Path, pages: list[int], random: Random) -> None:
    """Write random bytes over pages (1 is the first)."""
    with database.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(random.randbytes(PAGE))


def random_bytes(directory: Path, where: str) -> None:
    """D9: The file is set aside, what is whole is saved, the rest is signed as missing; the same chain goes on."""
    random = Random(9)
    with Stage(directory) as stage:
        run_apart(stage, **plant(wide=60))
        polled(stage, 20)
        assert stage.agent.terminate() == 0
        database = stage.state / "outbox.db"
        last = database.stat().st_size // PAGE
        scribble(database, [1] if where == "the first page" else random.sample(range(2, last + 1), 3), random)

        stage.link.accept()
        stage.agent.start()
        caught_up(stage)
        report = stage.finish()
        assert len(report.chains) == 1
        [event] = stage.events("store-damaged")
        assert (stage.state / event["set_aside"]).exists()
        assert stage.records("gap", reason="damage"), "the loss is signed"
        assert (event["salvaged"] > 0) == (where != "the first page")


def files_gone(directory: Path, fault: str) -> None:
    """D10, D12: After a kill the database or its log is gone: never a silent empty start, the loss is signed."""
    with Stage(directory) as stage:
        run_apart(stage, **plant())
        polled(stage)
        stage.agent.kill()
        head = stage.stored().head
        database, log = stage.state / "outbox.db", stage.state / "outbox.db-wal"
        if fault == "emptied":
            os.truncate(database, 0)
        elif fault == "log cut":
            os.truncate(log, log.stat().st_size // 2)
        else:
            (database if fault == "removed" else log).unlink()

        stage.link.accept()
        stage.agent.start()
        caught_up(stage)
        report = stage.finish()
        assert len(report.chains) == 1, "no second chain"
        [event] = stage.events("store-damaged")
        assert event["seq"] > head, "no number twice"
        assert explained(stage.records("gap")), "the loss is signed"


def an_older_copy(directory: Path, records: int) -> None:
    """D11: No number is used twice, the difference is signed, and who saw everything finds one clean chain."""
    with Stage(directory) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        assert stage.agent.terminate() == 0
        copy = shutil.copy2(stage.state / "outbox.db", directory / "copy.db")
        stage.agent.start()
        before = len(stage.wires)
        arrived(stage, lambda: len(stage.wires) >= before + records)
        assert stage.agent.terminate() == 0
        head = stage.stored().head
        shutil.copy2(copy, stage.state / "outbox.db")

        stage.agent.start()
        caught_up(stage)
        report = stage.finish()
        assert len(report.chains) == 1
        [event] = stage.events("store-damaged")
        assert event["seq"] > head, "no number twice"
        assert stage.records("gap", reason="older-store")


STORIES: dict[str, Callable[[Path], None]] = {
    "D9 three pages": partial(random_bytes, where="three pages"),
    "D9 the first page": partial(random_bytes, where="the first page"),
    "D10 log removed": partial(files_gone, fault="log removed"),
    "D10 log cut": partial(files_gone, fault="log cut"),
    "D12 emptied": partial(files_gone, fault="emptied"),
    "D12 removed": partial(files_gone, fault="removed"),
    "D11 a few records older": partial(an_older_copy, records=3),
    "D11 many records older": partial(an_older_copy, records=50),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """Let the stories happen, a few at a time."""
    with ThreadPoolExecutor(3) as pool:
        yield {name: pool.submit(story, tmp_path_factory.mktemp("story")) for name, story in STORIES.items()}


@pytest.mark.parametrize("name", STORIES)
def test_the_store_is_damaged_gone_or_older(name: str, outcomes: dict[str, Future[None]]) -> None:
    """However the stopped store was spoiled: one chain, no number twice, every loss signed, and an event says it."""
    outcomes[name].result(110)
