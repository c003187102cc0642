"""Serial ports: what is wrong with one, from facts; and the reader over a made-up machine and a real held terminal."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agent.doctor.case import Case, Owner
from agent.doctor.machine import Machine
from agent.doctor.ports import Holder, PortFact, Ports, judge, read
from config.load import load
from tests.agent.doctor import ids, silent, tree
from tests.e2e.harness import Site, device, serial

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def status(mode: int = 0o660, gid: int = 20, kind: int = stat.S_IFCHR) -> os.stat_result:
    """Return what `stat` says of a device of root's."""
    return os.stat_result((kind | mode, 1, 1, 1, 0, gid, 0, 0, 0, 0))


OWNER = Owner(name="plantgate", uid=900, groups=frozenset({900, 20}))
PORT = PortFact(bus="line1", port="/dev/serial/by-path/usb-0", status=status())
SEEN = Ports(ports=(PORT,), present=("/dev/serial/by-path/usb-0",), hidden=0, agent=77, meddler=False)
OTHER = Holder(pid=5, command="minicom", unit="")

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "free and permitted": ({}, {}, ["port-fine"]),
    "held by our agent": ({"holders": (Holder(pid=77, command="plantgate", unit=""),)}, {}, ["port-fine-held"]),
    "not there": ({"status": None}, {}, ["port-missing"]),
    "a file": ({"status": status(kind=stat.S_IFREG)}, {}, ["port-no-port"]),
    "no hardware": ({"is_empty": True}, {}, ["port-empty"]),
    "the console": ({"is_console": True}, {}, ["port-console"]),
    "a name that wanders": ({"stable": "/dev/serial/by-path/x"}, {}, ["port-name-wanders"]),
    "held by a person": ({"holders": (OTHER,)}, {}, ["port-held"]),
    "held by a service": ({"holders": (replace(OTHER, unit="getty.service"),)}, {}, ["port-held-by-unit"]),
    "another group": ({"status": status(gid=21)}, {}, ["port-denied"]),
    "write only": ({"status": status(0o620)}, {}, ["port-denied"]),
    "open to all": ({"status": status(0o666, gid=21)}, {}, ["port-fine"]),
    "processes unseen": ({}, {"hidden": 3}, ["port-fine", "port-holders-unseen"]),
    "a meddler": ({}, {"meddler": True}, ["port-fine", "port-modem-manager"]),
    "everything at once": (
        {"stable": "/dev/x", "holders": (OTHER,), "status": status(0o600)},
        {},
        ["port-name-wanders", "port-held", "port-denied"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_trouble_of_a_port_has_its_name(name: str) -> None:
    """A table of ports and what is to be said of them."""
    port, seen, expected = CASES[name]

    assert ids(judge(replace(SEEN, ports=(replace(PORT, **port),), **seen), OWNER)) == expected


def test_the_command_names_process_service_user_and_group() -> None:
    """What is printed can be run as it is."""
    held = judge(replace(SEEN, ports=(replace(PORT, holders=(OTHER,)),)), OWNER)[0]
    unit = judge(replace(SEEN, ports=(replace(PORT, holders=(replace(OTHER, unit="gpsd.service"),)),)), OWNER)[0]
    denied = judge(replace(SEEN, ports=(replace(PORT, status=status(gid=54321)),)), OWNER)[0]

    assert held.mend == "sudo kill 5"
    assert unit.mend == "sudo systemctl disable --now gpsd.service"
    assert denied.mend == "sudo usermod -aG 54321 plantgate && sudo systemctl restart plantgate"


def test_without_ports_it_tells_those_that_are_plugged_in() -> None:
    """An installer who has not written the file yet sees what there is."""
    [told] = judge(replace(SEEN, ports=()), OWNER)

    assert told.id == "ports-none"
    assert "/dev/serial/by-path/usb-0" in told.what.en


@pytest.fixture
def terminal() -> Iterator[tuple[str, int]]:
    """Return a pseudo-terminal's name, and the process of somebody else who holds it."""
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    program = f"import sys; f = open({name!r}, 'rb', 0); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    yield name, holder.pid
    holder.kill()
    holder.communicate()
    os.close(ours)
    os.close(theirs)


def test_the_reader_finds_who_holds_a_port(terminal: tuple[str, int], tmp_path: Path) -> None:
    """Through a link as well: the process, its command, and not ourselves. The port is not opened for that."""
    name, holder = terminal
    link = tmp_path / "by-path"
    link.symlink_to(name)
    path = Site(buses=[serial(str(link), "line1")], devices=[device("m", bus="line1")]).write(tmp_path)
    case = Case(machine=Machine(run=silent), path=path, site=load(path))

    [port] = read(case).ports

    assert [one.pid for one in port.holders] == [holder]
    assert "f = open(" in port.holders[0].command


def test_the_reader_knows_consoles_meddlers_and_missing_ports(tmp_path: Path) -> None:
    """A made-up machine: what /proc and /sys say of it."""
    root = tree(
        tmp_path / "root",
        {"proc/consoles": "tty0 -WU (E  p  ) 4:7\n", "proc/9/comm": "ModemManager\n", "sys/class/tty/null/type": "0\n"},
    )
    buses = [serial("/dev/null", "odd"), serial("/dev/nowhere", "gone")]
    path = Site(buses=buses, devices=[device("m", bus="odd")]).write(tmp_path)

    seen = read(Case(machine=Machine(root=root, run=silent), path=path, site=load(path)))

    assert seen.meddler
    assert [(port.status is None, port.is_empty, port.is_console) for port in seen.ports] == [
        (False, True, False),
        (True, False, False),
    ]
