"""``plantgate export``, and ``plantgate verify`` of what it made, on a store whose agent is a stub or not there."""

from __future__ import annotations

import json
import os
from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.clock import SystemClock
from agent.control import NAME, Control, Unwilling
from agent.keys import SigningKey, published
from tests.agent.proof.chains import DAY_MS, HOUR_MS, Gateway
from tests.agent.proof.rig import Files, files, zipped
from tests.e2e.harness import Site, bus, device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

    from agent.caller import Request

DAY = ("--from", "2026-11-01", "--to", "2026-11-02")


def run(*words: object) -> Result:
    """Run a verb."""
    return CliRunner().invoke(application([str(words[0])]), list(map(str, words)))


class House:
    """A site with a store of a day and its edges, and the key that signed it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = Site(buses=[bus(1)], devices=[device("press-1")]).write(folder)
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        key = SigningKey.load_or_create(self.state / "signing-key.pem", may_create=True)
        self.jwk = folder / "gateway.jwk"
        self.jwk.write_text(json.dumps(published(key.public)))
        self.box = Gateway(self.state, key=key)
        self.box.up_ms = DAY_MS - HOUR_MS
        self.box.event("start", software="plantgate 0.1.0")
        self.box.readings(26, HOUR_MS)
        self.asked: list[dict[str, Any]] = []
        self.refusal: str | None = None
        self.closed = False

    def close(self) -> None:
        """Close the store, once."""
        if not self.closed:
            self.closed = True
            self.box.outbox.close()

    def exported(self, request: Request) -> dict[str, Any]:
        """Answer as the agent does: with a signed record."""
        if self.refusal:
            raise Unwilling(self.refusal)
        self.asked.append(dict(request.words))
        members = {name: value for name, value in request.words.items() if name != "do"}
        record = self.box.event("exported", **members)
        return {"seq": record.seq, "id": record.id, "wire": record.wire.decode()}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return a site whose agent does not run; documents go beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def running(house: House) -> Iterator[House]:
    """Return the same with somebody at the door."""
    door = Control(house.state / NAME, {"status": lambda _: {}, "exported": house.exported}, SystemClock())
    assert door.open()
    thread = Thread(target=door.run)
    thread.start()
    yield house
    door.stop()
    thread.join(10)


def bundle_of(house: House, *words: object) -> Files:
    """Export the day and return what is in the bundle."""
    assert run("export", house.site, *DAY, "--out", "day.zip", *words).exit_code == 0
    return files((house.folder / "day.zip").read_bytes())


# --- the running agent signs -----------------------------------------------------------------------------------------


def test_the_running_agent_signs_the_list_of_files(running: House) -> None:
    """It is asked with the hash, the period, the count and the reason; its record is the signature."""
    contents = bundle_of(running, "--reason", "case 17")
    asked = running.asked[0]

    assert (asked["from"], asked["to"]) == ("2026-10-31T16:00:00.000Z", "2026-11-01T16:00:00.000Z")
    assert (asked["records"], asked["reason"]) == (26, "case 17")
    assert json.loads(contents["manifest.json"])["signature"] == {"by": "chain", "why": ""}
    assert json.loads(contents["manifest.sig.json"])["sha256"] == asked["sha256"]


@pytest.mark.parametrize("given", [False, True], ids=["its own key", "with --key"])
def test_verify_takes_the_bundle(running: House, given: bool) -> None:
    """Exit 0, and it is said on what the verdict rests."""
    bundle_of(running)
    done = run("verify", "day.zip", *(("--key", running.jwk) if given else ()))

    assert done.exit_code == 0
    assert done.stdout.startswith("as it was made: every file is the one its list names, and the list is signed in the")
    assert f"the signature is record {running.box.sealed[-1].seq} of the chain" in done.stdout
    assert "clean: 26 records in 1 chain" in done.stdout
    assert ("given with --key" if given else "proves consistency, not origin") in done.stdout


def test_verify_in_json(running: House) -> None:
    """One object: the verdict on the records, and beside it that on the bundle."""
    bundle_of(running)
    told = json.loads(run("verify", "day.zip", "--json").stdout)

    assert told["ok"]
    assert told["records"] == 26
    assert told["bundle"]["signed_by"] == "chain"
    assert told["bundle"]["faults"] == []
    assert told["bundle"]["gateway"] == "jn-0417"


def test_verify_of_the_files_one_by_one(running: House, tmp_path: Path) -> None:
    """What is in it is what verify takes anyway."""
    contents = bundle_of(running)
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    done = run("verify", tmp_path / "records.jsonl", "--key", tmp_path / "key.jwk")

    assert done.exit_code == 0
    assert "clean: 26 records" in done.stdout
    assert run("verify", tmp_path / "manifest.sig.json", "--key", tmp_path / "key.jwk").exit_code == 0


def test_verify_finds_a_changed_bundle(running: House) -> None:
    """Exit 1, the file and the record are named."""
    contents = bundle_of(running)
    changed = {**contents, "records.jsonl": contents["records.jsonl"].replace(b"13.5", b"13.4")}
    (running.folder / "forged.zip").write_bytes(zipped(changed))
    done = run("verify", "forged.zip")
    told = json.loads(run("verify", "forged.zip", "--json").stdout)

    assert done.exit_code == 1
    assert done.stdout.startswith("NOT AS IT WAS MADE: 2 faults of the bundle's files")
    assert "file-changed: records.jsonl: " in done.stdout
    assert "NOT CLEAN: 1 bad-signature" in done.stdout
    assert [fault["word"] for fault in told["bundle"]["faults"]] == ["file-changed", "file-changed"]
    assert told["counts"] == {"bad-signature": 1}
    assert not told["ok"]


def test_verify_refuses_an_archive_that_is_no_bundle(tmp_path: Path) -> None:
    """Exit 2 with what it wants."""
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"a.txt": b"a"}))
    done = run("verify", path)

    assert done.exit_code == 2
    assert "no manifest.json in it; want what plantgate export makes" in done.stderr


def test_verify_refuses_half_an_archive(tmp_path: Path) -> None:
    """A copy that broke off is no list of bad records: exit 2, and it says what it is."""
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"manifest.json": b"{}"})[:-9])
    done = run("verify", path)

    assert done.exit_code == 2
    assert "cannot be read as an archive" in done.stderr


def test_an_agent_that_refuses_leaves_nothing_behind(running: House) -> None:
    """No half document: the reason is told, and no file is there."""
    running.refusal = "the pipeline is busy; nothing was done, try again"
    done = run("export", running.site, *DAY, "--out", "day.zip")

    assert done.exit_code == 1
    assert "did not sign the list of files: the pipeline is busy" in done.stderr
    assert not [path.name for path in running.folder.iterdir() if "day.zip" in path.name]


# --- nobody runs -----------------------------------------------------------------------------------------------------


def test_without_the_agent_the_key_signs(house: House) -> None:
    """Who may read the key may sign with it; bundle and terminal say that the agent did not run."""
    done = run("export", house.site, *DAY)
    path = next(house.folder.glob("records-jn-0417-*.zip"))

    assert done.exit_code == 0
    assert path.name == "records-jn-0417-20261101T0000-20261102T0000.zip"
    assert "the gateway's key alone (the agent does not run)" in done.stdout
    assert json.loads(files(path.read_bytes())["manifest.json"])["signature"]["by"] == "key"
    assert "网关程序未运行" in files(path.read_bytes())["report.html"].decode()
    assert "with the gateway's key (the agent did not run)" in run("verify", path).stdout


@pytest.mark.parametrize("how", ["gone", "readable by others", "of another gateway"])
def test_without_the_agent_and_its_key_it_is_unsigned_and_says_so(house: House, how: str, tmp_path: Path) -> None:
    """Exit 1; the records verify all the same."""
    path = house.state / "signing-key.pem"
    if how == "readable by others":
        path.chmod(0o644)
    else:
        path.unlink()
    if how == "of another gateway":
        SigningKey.create(path)
    done = run("export", house.site, *DAY, "--out", "day.zip")
    contents = files((tmp_path / "day.zip").read_bytes())
    verdict = run("verify", "day.zip")

    assert done.exit_code == 1
    assert "list of files signed by: NOBODY (the agent does not run; " in done.stdout
    assert "manifest.sig.json" not in contents
    assert "文件清单无人签署" in contents["report.html"].decode()
    assert verdict.exit_code == 1
    assert "unsigned: manifest.sig.json: nobody signed the list of files" in verdict.stdout
    assert "clean: 26 records" in verdict.stdout


# --- what is asked for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "yesterday", "--to", "2026-11-02"), "'yesterday' is no moment"),
        (("--from", "2026-11-02", "--to", "2026-11-02"), "is not after"),
        (("--from", "0001-01-01", "--to", "2026-11-02"), "is no moment"),
        (("--from", "2026-11-01", "--to", "9999-12-31T23:59:59-12:00"), "is no moment"),
        ((*DAY, "--reason", "two\nlines"), "one line"),
    ],
)
def test_wrong_usage(house: House, words: tuple[str, ...], said: str) -> None:
    """Exit 2 with what would be right; nothing is written."""
    done = run("export", house.site, *words)

    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not list(house.folder.glob("*.zip"))


def test_moments_with_a_zone(house: House) -> None:
    """A stamp as it stands in records is one too."""
    words = ("--from", "2026-11-01T00:00:00Z", "--to", "2026-11-01 10:00", "--out", "hours.zip")

    assert run("export", house.site, *words).exit_code == 0
    told = json.loads(files((house.folder / "hours.zip").read_bytes())["manifest.json"])
    assert told["period"]["from"] == "2026-11-01T00:00:00.000Z"
    assert told["period"]["to"] == "2026-11-01T02:00:00.000Z"


def test_a_period_without_records(house: House) -> None:
    """Exit 1; it is said what there is."""
    done = run("export", house.site, "--from", "2025-01-01", "--to", "2025-02-01")

    assert done.exit_code == 1
    assert "no record from 2024-12-31T16:00:00.000Z to 2025-01-31T16:00:00.000Z" in done.stderr
    assert "the store has records from 2026-10-30T16:01:00.000Z" in done.stderr


def test_an_existing_file_is_never_replaced(house: House) -> None:
    """A document somebody made stays."""
    (house.folder / "day.zip").write_text("mine")
    done = run("export", house.site, *DAY, "--out", "day.zip")

    assert done.exit_code == 2
    assert "day.zip exists already; name another file with --out" in done.stderr
    assert (house.folder / "day.zip").read_text() == "mine"


def test_a_folder_that_is_not_there(house: House) -> None:
    """It is said before anything is done."""
    done = run("export", house.site, *DAY, "--out", "nowhere/day.zip")

    assert done.exit_code == 2
    assert "nothing can be written into nowhere" in done.stderr


# --- stores that cannot be read --------------------------------------------------------------------------------------


def test_no_store(tmp_path: Path) -> None:
    """An agent that never ran has nothing to export."""
    site = Site(buses=[bus(1)], devices=[device("press-1")]).write(tmp_path)
    done = run("export", site, *DAY)

    assert done.exit_code == 1
    assert "there is no store; has the agent ever run on this site's state_dir?" in done.stderr


def test_a_damaged_store(house: House) -> None:
    """It is called damaged, and what to do is said."""
    house.close()
    path = house.state / "outbox.db"
    path.write_bytes(path.read_bytes()[:4096] + os.urandom(path.stat().st_size - 4096))
    done = run("export", house.site, *DAY)

    assert done.exit_code == 1
    assert "the store is damaged: start the agent" in done.stderr
    assert not list(house.folder.glob("*.zip"))


def test_a_store_of_a_closed_agent_is_left_as_it_was(house: House) -> None:
    """Looking changes no byte and leaves no file."""
    house.close()
    before = {path.name: path.read_bytes() for path in house.state.iterdir()}
    bundle_of(house)

    assert {path.name: path.read_bytes() for path in house.state.iterdir()} == before


def test_the_archive_is_an_ordinary_one(house: House) -> None:
    """Any program opens it, and its files bear the date of the export."""
    bundle_of(house)
    with ZipFile(house.folder / "day.zip") as archive:
        assert archive.testzip() is None
        made = datetime.fromisoformat(json.loads(archive.read("manifest.json"))["made"])
        dated = (*made.timetuple()[:5], made.second // 2 * 2)  # an archive counts in steps of two seconds
        assert {info.date_time for info in archive.infolist()} == {dated}
