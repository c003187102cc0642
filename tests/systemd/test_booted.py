"""The package on a Debian of its own, from an empty box to purge: one box, and its one life in the order of the tests.

The box has no network but its own. A meter answers on Modbus TCP, another on a pseudo-terminal. Every version but the
first is the same software under another number: 0.2.0 keeps the outbox in a newer version, 0.3.0 in one newer still,
and then cannot start.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from agent.record import PublicKey
from agent.verify.verifier import Verifier
from tests.systemd.box import PYTHONS, Box, altered, built, source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)

SITE_FILE: Final = "/etc/plantgate/site.toml"
STATE: Final = "/var/lib/plantgate"

SITE: Final = """
[gateway]
id = "jn-0417"
clock = "trusted"

[buffer]
allow_volatile = true    # whatever the machine keeps its temporary files on

[[bus]]
name = "lan"
type = "tcp"
host = "127.0.0.1"
port = 1502

[[bus]]
name = "rs485"
type = "serial"
port = "/run/field/meters"
baudrate = 9600

[[device]]
name = "press"
bus = "lan"
address = 1
poll = "200ms"
point = [{ name = "power", register = "holding", at = 0, type = "float32", unit = "kW" }]

[[device]]
name = "fan"
bus = "rs485"
address = 1
poll = "200ms"
point = [{ name = "power", register = "holding", at = 0, type = "float32", unit = "kW" }]
"""

PANEL: Final = """
[panel]
listen = "127.0.0.1:8080"
"""

VISIT: Final = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8080{0}\").status)'"

RECORDS: Final = f"""
import sqlite3
db = sqlite3.connect("file:{STATE}/outbox.db?mode=ro", uri=True)
rows = "SELECT seq, wire FROM reading UNION ALL SELECT seq, wire FROM urgent ORDER BY seq"
print(*(wire.decode() for _, wire in db.execute(rows)), sep="\\n")
"""
"""A program for the box, run as the agent's user, beside the agent as well."""

METERS: Final = """
[Unit]
Before=plantgate.service
[Service]
Environment=PYTHONPATH=/root/lib
RuntimeDirectory=field
ExecStart=sh -c 'sleep infinity | python3 -m drivers.sim {options}'
ExecStartPost=sh -c '{then}'
[Install]
WantedBy=multi-user.target
"""
"""Meters, with the sources of the package: the simulator ends with its standard input, hence the sleep."""

STEP: Final = """
    Step(
        "a table more",
        up=lambda db: db.execute("CREATE TABLE extra_{0} (key TEXT PRIMARY KEY)"),
        down=lambda db: db.execute("DROP TABLE extra_{0}"),
    ),
"""

WATCHDOG: Final = "[Service]\nWatchdogSec=5\nRestartSec=1\n"


def keep_more(tree: Path, steps: int) -> None:
    """Turn a package's software into one whose outbox has so many versions more."""
    lib, version = tree / "opt/plantgate/package/lib", f"{steps + 1}"
    more = "OUTBOX = (" + "".join(STEP.format(number) for number in range(steps)) + ")\n"
    for path, before, after in [
        (lib / "buffer/migrate.py", "HISTORY: Final", more + "HISTORY: Final"),
        (lib / "buffer/store.py", "\nVERSION = 1\n", f"\nVERSION = {version}\n"),
        (lib.parent / "stores", "outbox 1", f"outbox {version}"),
        (tree / "DEBIAN/preinst", "outbox:1", f"outbox:{version}"),
        (tree / "DEBIAN/preinst", "--outbox 1", f"--outbox {version}"),
    ]:
        text = path.read_text()
        assert text.count(before) == 1, path
        path.write_text(text.replace(before, after))


def made(directory: Path) -> dict[str, Path]:
    """Build the package for this Debian, and from it two later versions."""
    first = built(directory, "--python", PYTHONS[source()[1]], "--version", "0.1.0")

    def broken(tree: Path) -> None:
        keep_more(tree, 2)
        serve = tree / "opt/plantgate/package/lib/agent/cli/serve.py"
        dies = "raise SystemExit('this one cannot start')"
        serve.write_text(serve.read_text().replace("return supervisor.run(agent)", dies))

    return {
        "0.1.0": first,
        "0.2.0": altered(first, "0.2.0", lambda tree: keep_more(tree, 1)),
        "0.3.0": altered(first, "0.3.0", broken),
    }


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, dict[str, Path]]]:
    """Boot an empty box, and have the packages at hand. Both take a minute; they are made side by side."""
    box = Box(tmp_path_factory.mktemp("box") / "tree")
    try:
        with ThreadPoolExecutor() as hands:
            packages = hands.submit(made, tmp_path_factory.mktemp("packages"))
            box.install_system()
        box.boot()
        yield box, packages.result()
    finally:
        box.scrap()


@pytest.fixture
def box(stage: tuple[Box, dict[str, Path]]) -> Box:
    """Return the box, as the test before left it."""
    return stage[0]


@pytest.fixture
def packages(stage: tuple[Box, dict[str, Path]]) -> dict[str, Path]:
    """Return the packages by version."""
    return stage[1]


def install(box: Box, package: Path, code: int | None = 0) -> str:
    """Install a package; return all that was said."""
    done = box.run(f"dpkg --install {box.bring(package)}", code=code)
    return done.stdout + done.stderr


def in_use(box: Box) -> str:
    """Return the version that the link leads to."""
    return box.said("basename $(readlink /opt/plantgate/current)")


def main_pid(box: Box) -> str:
    """Return the agent's process id; "0" when there is none."""
    return box.show("plantgate", "MainPID")


def records(box: Box) -> list[str]:
    """Return all records of the box, in order."""
    return box.said(f"runuser -u plantgate -- python3 -c '{RECORDS}'").splitlines()


def goes_on(box: Box, before: list[str]) -> None:
    """Wait until there are more records than before, and see that those are still the first."""
    box.eventually(f"test $(runuser -u plantgate -- python3 -c '{RECORDS}' | wc -l) -gt {len(before)}")
    assert records(box)[: len(before)] == before


def verified(wires: list[str], jwk: dict[str, str]) -> list[str]:
    """Return what the verifier finds wrong with records, given the box's public key."""
    verifier = Verifier([PublicKey.from_jwk(jwk)])
    for wire in wires:
        verifier.feed(wire.encode())
    return [str(finding) for finding in verifier.report().findings]


def test_installing_starts_nothing_without_a_site_file(box: Box, packages: dict[str, Path]) -> None:
    """Users, directories, key and units are there; nothing runs, nothing failed; the package says what comes next."""
    said = install(box, packages["0.1.0"])

    assert f"Write {SITE_FILE}" in said
    assert box.said(
        "systemctl start plantgate plantgate-panel; systemctl is-active plantgate plantgate-panel; true"
    ) == ("inactive\ninactive")
    assert box.show("plantgate", "ConditionResult") == "no"
    assert box.said("systemctl is-enabled plantgate plantgate-panel") == "enabled\nenabled"
    assert box.said("systemctl --failed --no-legend") == ""
    assert box.said("stat -c '%a %U:%G' /etc/plantgate /etc/plantgate/record.key /etc/plantgate-panel") == (
        "750 root:plantgate\n600 root:root\n750 root:plantgate-panel"
    )
    assert in_use(box) == "0.1.0"


def test_a_broken_site_file_is_told_by_status(box: Box) -> None:
    """`systemctl status` names file, line and mistake; the unit goes on trying."""
    box.write(SITE_FILE, SITE.replace("1502", '"x"'))
    box.run("systemctl start plantgate", code=1)

    told = box.run("systemctl status plantgate", code=None).stdout
    assert 'Status: "site file refused: site.toml:' in told
    assert box.show("plantgate", "ActiveState") == "activating"


def test_a_site_file_it_may_not_read_is_told_by_status(box: Box) -> None:
    """The agent is not root: a file for root alone is refused, with words."""
    box.write(SITE_FILE, SITE, mode=0o600)
    box.run("systemctl restart plantgate", code=1)

    assert "cannot be read" in box.show("plantgate", "StatusText")


def test_it_becomes_ready_by_itself_once_the_site_file_is_right(box: Box, packages: dict[str, Path]) -> None:
    """Nobody restarts it. Both meters are read, the adapter that was missing at first as well."""
    lib = box.tree / "root/lib"
    shutil.copytree(box.tree / "opt/plantgate/package/lib", lib, symlinks=True)
    box.write(
        "/etc/systemd/system/meters-tcp.service", METERS.format(options="--units 2 --points 4 --port 1502", then="true")
    )
    serial = METERS.format(
        options="--meters 1 --serial /run/field",
        then="until chgrp dialout /run/field/meters; do sleep 0.2; done; chmod 660 /run/field/meters",
    )
    box.write("/etc/systemd/system/meters-serial.service", serial)
    box.write(SITE_FILE, SITE)
    box.eventually("systemctl is-active plantgate")

    box.run("systemctl daemon-reload && systemctl enable --now meters-tcp meters-serial")

    for device in ("press", "fan"):
        box.eventually(f"plantgate read {SITE_FILE} {device} | grep -q 'power .*kW'")


def test_the_key_and_the_records_are_out_of_others_reach(box: Box) -> None:
    """The agent has its key as a credential only; the panel's user reads neither key nor site file nor records."""
    key = "/etc/plantgate/record.key"
    for user, path in [
        ("plantgate", key),
        ("plantgate-panel", key),
        ("plantgate-panel", SITE_FILE),
        ("plantgate-panel", f"{STATE}/outbox.db"),
        ("plantgate-panel", "/run/credentials/plantgate.service/signing-key"),
    ]:
        assert "Permission denied" in box.run(f"runuser -u {user} -- cat {path}", code=1).stderr
    assert not (box.tree / f"{STATE}/signing-key.pem".lstrip("/")).exists()
    assert json.loads(box.said(f"plantgate key show --json {SITE_FILE}"))["file"] == key


def test_a_site_without_a_panel_has_none(box: Box) -> None:
    """The panel's unit is skipped; nothing has failed, and nothing is tried again."""
    box.run("systemctl start plantgate-panel")

    assert box.show("plantgate-panel", "ActiveState") == "inactive"
    assert box.show("plantgate-panel", "NRestarts") == "0"


def test_the_panel_becomes_ready_and_finds_the_agent(box: Box) -> None:
    """It serves pages, and the agent answers it through the one door it may use, also after the agent's restart."""
    box.write(SITE_FILE, SITE + PANEL)
    box.run("systemctl reload plantgate")

    box.run("systemctl start plantgate-panel")

    assert box.said(VISIT.format("/login")) == "200"
    box.eventually('test "$(systemctl show -P StatusText plantgate-panel)" = serving')
    box.run("systemctl restart plantgate")
    box.eventually('test "$(systemctl show -P StatusText plantgate-panel)" != serving')
    box.eventually('test "$(systemctl show -P StatusText plantgate-panel)" = serving')


def test_a_setup_code_made_by_root_is_the_panels(box: Box) -> None:
    """Root makes the code in the panel's directory; what lies there afterwards is still the panel's."""
    assert "setup code" in box.said(f"plantgate panel setup {SITE_FILE}")

    owners = set(box.said("find /var/lib/plantgate-panel -printf '%u\\n'").split())
    assert owners == {"plantgate-panel"}
    assert box.said(VISIT.format("/setup")) == "200"


def test_the_panels_door_is_for_its_group(box: Box) -> None:
    """/run/plantgate can be entered by the agent and whoever has the group plantgate-door, and outlives the agent."""
    assert box.said("stat -c '%a %U:%G' /run/plantgate") == "750 plantgate:plantgate-door"
    before = box.said("stat -c %i /run/plantgate")

    box.run("systemctl restart plantgate")

    assert box.said("stat -c %i /run/plantgate") == before


def test_it_refuses_to_run_as_root(box: Box) -> None:
    """By hand, as root, it says what to do instead, and touches nothing."""
    said = box.run(f"plantgate run {SITE_FILE}", code=1)

    assert "must not run as root" in said.stderr
    assert "systemctl start plantgate" in said.stderr


def test_it_comes_back_when_killed(box: Box) -> None:
    """SIGKILL: systemd starts it again, and it goes on in the same chain."""
    before = main_pid(box)

    box.run("systemctl kill --signal=KILL plantgate")

    box.eventually(f"systemctl is-active plantgate && test $(systemctl show -P MainPID plantgate) != {before}")


def test_it_comes_back_when_it_hangs(box: Box) -> None:
    """A process that stands still feeds no watchdog: systemd ends it and starts the next."""
    box.write("/etc/systemd/system/plantgate.service.d/test.conf", WATCHDOG)
    box.run("systemctl daemon-reload && systemctl restart plantgate")
    before = main_pid(box)

    box.run(f"kill -STOP {before}")

    box.eventually(f"systemctl is-active plantgate && test $(systemctl show -P MainPID plantgate) != {before}")
    assert "watchdog" in box.said("journalctl --unit plantgate --no-pager --output cat").lower()


def test_an_upgrade_keeps_everything_and_restarts_what_ran(box: Box, packages: dict[str, Path]) -> None:
    """The new release is in use and ready, its store raised, the records of the old one in it, the old release kept."""
    before = records(box)

    install(box, packages["0.2.0"])

    assert in_use(box) == "0.2.0"
    assert box.said("systemctl is-active plantgate plantgate-panel") == "active\nactive"
    assert box.said("ls /opt/plantgate/releases") == "0.1.0\n0.2.0"
    assert "outbox   version 2, this program writes 2" in box.said("plantgate store show")
    goes_on(box, before)


def test_an_upgrade_that_does_not_become_ready_is_taken_back(box: Box, packages: dict[str, Path]) -> None:
    """The release before runs again within the same installation, and the package says so and why."""
    said = install(box, packages["0.3.0"], code=1)

    assert "did not become ready with 0.3.0; going back to 0.2.0" in said
    assert "this one cannot start" in said
    assert in_use(box) == "0.2.0"
    assert box.said("systemctl is-active plantgate") == "active"
    assert "outbox   version 2, this program writes 2" in box.said("plantgate store show")
    install(box, packages["0.2.0"])
    assert box.said("dpkg-query -W -f '${Status} ${Version}' plantgate") == "install ok installed 0.2.0"


def test_a_downgrade_below_the_store_is_refused_untouched(box: Box, packages: dict[str, Path]) -> None:
    """The older package looks before anything is unpacked, says what to do, and the agent never stops."""
    running = main_pid(box)

    said = install(box, packages["0.1.0"], code=1)

    assert "plantgate 0.1.0 is too old for the records on this box" in said
    assert "plantgate store down --outbox 1 --history 1" in said
    assert (main_pid(box), in_use(box)) == (running, "0.2.0")
    assert box.said("dpkg-query -W -f '${Status} ${Version}' plantgate") == "install ok installed 0.2.0"


def test_the_way_down_is_refused_while_the_agent_runs(box: Box) -> None:
    """Two programs on one store would be the end of it."""
    assert "another instance" in box.run("plantgate store down --outbox 1 --history 1", code=1).stderr


def test_after_the_way_down_the_older_version_runs_on_the_same_records(box: Box, packages: dict[str, Path]) -> None:
    """As the refusal says: stop, store down, install."""
    box.run("systemctl stop plantgate")
    assert "outbox   version 1, was 2" in box.said("plantgate store down --outbox 1 --history 1")
    before = records(box)

    install(box, packages["0.1.0"])
    box.run("systemctl start plantgate")

    assert in_use(box) == "0.1.0"
    goes_on(box, before)


def test_after_a_reboot_it_is_ready_by_itself(box: Box) -> None:
    """Units are enabled; nobody logs in."""
    box.power_off()
    box.boot()

    box.eventually("systemctl is-active plantgate")
    box.eventually(f"plantgate read {SITE_FILE} fan | grep -q 'power .*kW'")
    assert box.said(VISIT.format("/login")) == "200"


def test_through_all_of_it_the_chain_is_unbroken(box: Box) -> None:
    """Broken files, a kill, a hang, two upgrades, two ways back and a reboot: one chain, one key, no gap."""
    key = json.loads(box.said(f"plantgate key show --json {SITE_FILE}"))["jwk"]
    box.run("systemctl stop plantgate")
    wires = records(box)
    box.run("systemctl start plantgate")

    verdict = verified(wires, key)

    assert verdict == []
    assert [json.loads(wire)["seq"] for wire in wires] == list(range(1, len(wires) + 1))
    software = {json.loads(wire).get("software") for wire in wires} - {None}
    assert {"plantgate 0.1.0", "plantgate 0.2.0"} <= software


def test_removal_keeps_the_evidence(box: Box, packages: dict[str, Path]) -> None:
    """The program is gone; records, key and site file are not, and installing again goes on in the same chain."""
    said = box.run("dpkg --remove plantgate")

    assert "stay where they are" in said.stdout
    assert box.run("systemctl is-active plantgate", code=None).stdout.strip() in {"inactive", "failed"}
    assert not (box.tree / "opt/plantgate").exists()
    kept = records(box)
    key = box.said("sha256sum /etc/plantgate/record.key")

    install(box, packages["0.1.0"])

    box.eventually("systemctl is-active plantgate")
    assert box.said("sha256sum /etc/plantgate/record.key") == key
    goes_on(box, kept)


def test_purge_keeps_the_evidence_too_and_says_how_to_delete_it(box: Box) -> None:
    """What is deleted and what is kept is said, with the command for whoever wants it gone."""
    said = box.run("dpkg --purge plantgate").stdout

    assert "rm -r /var/lib/plantgate /etc/plantgate" in said
    for path in (f"{STATE}/outbox.db", "/etc/plantgate/record.key", SITE_FILE):
        assert (box.tree / path.lstrip("/")).exists()
    assert (
        box.run("ls /opt/plantgate /var/lib/plantgate-panel /etc/systemd/system/plantgate.service", code=2).stdout == ""
    )
    assert box.said("dpkg-query -W -f '${Status}' plantgate 2>/dev/null || true") in {"", "unknown ok not-installed"}
