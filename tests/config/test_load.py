"""A site file as a file: there, readable, small, UTF-8, TOML; and the site that comes of a good one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from config.load import load
from config.problem import SiteProblems
from config.site import BufferLimits, Device, Gateway, Limit, MqttUplink, PointInfo, Report, Text
from drivers.spec import DeviceSpec, PointSpec, Table, TcpBusSpec
from tests.config.sites import problems_of, site

EXAMPLE = Path(__file__).parent.parent.parent / "config" / "site.example.toml"

BROKEN: dict[str, tuple[bytes, int | None, tuple[str, ...]]] = {
    "syntax": (b'[gateway]\nid = "a\n', 2, ("is no TOML", "column")),
    "text without quotes": (b"[gateway]\nid = box\n", 2, ("is no TOML", "texts stand in quotes")),
    "yaml": (b"gateway:\n  id: box\n", 1, ("not key: value",)),
    "typographic quotes": ("[gateway]\nid = “a”\n".encode(), 2, ("plain quotes",)),
    "full-width equals": ("[gateway]\nid＝1\n".encode(), 2, ("full-width",)),
    "open bracket": (b"[gateway\n", 1, ("square brackets",)),
    "key twice": (b'[gateway]\nid = "a"\nid = "b"\n', 3, ("is no TOML",)),
    "half a file": (b'[gateway]\nid = "a"\nname = {', 3, ("is no TOML",)),
    "byte order mark": (b"\xef\xbb\xbf[gateway]\n", 1, ("byte order mark", "without BOM")),
    "UTF-16": ("[gateway]".encode("utf-16"), 1, ("byte order mark",)),
    "GBK": ('[gateway]\nname = "一号"\n'.encode("gbk"), 2, ("is not UTF-8", "GBK")),
    "NUL": (b"[gateway]\nid = \x00\n", 2, ("is no TOML",)),
    "too long": (b"#\n" * (2**21 + 1), None, ("is too long", "4 MiB")),
    "a long line": (b"x = 1\ny = [" + b"1," * 9000 + b"]\n", 2, ("has a line longer than",)),
    "deep lists": (b"x = " + b"[" * 4000 + b"]" * 4000, None, ("nested too deeply",)),
    "deep tables": (b"x = " + b"{a=" * 1500 + b"1" + b"}" * 1500, None, ("nested too deeply",)),
    "long number": (b"x = " + b"9" * 5000, None, ("is no TOML", "very long number")),
    "empty": (b"", 1, ("needs the table [gateway]",)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_site_file_is_refused_with_a_place_and_a_hint(tmp_path: Path, name: str) -> None:
    """Nothing that a disk can hold gives anything but a clear problem."""
    content, line, words = BROKEN[name]

    (problem,) = problems_of(tmp_path, content)

    assert problem.line == line
    assert all(word in str(problem) for word in words), str(problem)


@pytest.mark.parametrize("key", [".".join("a" * 4000), " . ".join(['"a b"'] * 1000), "x = { " + ".".join("a" * 40)])
def test_a_deeply_dotted_key_is_refused_at_once(tmp_path: Path, key: str) -> None:
    """Nesting through dots costs parsers more than it looks."""
    (problem,) = problems_of(tmp_path, f"{site()}\n{key} = 1\n")

    assert "nested too deeply" in problem.what
    assert problem.line == site().count("\n") + 2


def refusal(path: Path) -> str:
    """Return the message that refuses the file at `path`."""
    with pytest.raises(SiteProblems) as refused:
        load(path)
    (problem,) = refused.value.problems
    assert problem.line is None
    return str(problem)


def test_files_that_are_none(tmp_path: Path) -> None:
    """A missing file, a directory, a pipe that nobody writes: named, not waited for."""
    os.mkfifo(tmp_path / "pipe")

    assert "there is no such file" in refusal(tmp_path / "missing.toml")
    assert "is a directory" in refusal(tmp_path)
    assert "is no ordinary file" in refusal(tmp_path / "pipe")
    assert "cannot be read" in refusal(tmp_path / ("n" * 300))


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing rights are said with the reason of the system."""
    (tmp_path / "site.toml").write_text(site(), encoding="utf-8")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)

    assert "cannot be read (Permission denied)" in refusal(tmp_path / "site.toml")


def test_a_good_file_becomes_the_site_it_describes(tmp_path: Path) -> None:
    """Defaults resolved, durations in seconds, paths absolute, orders big-endian, ratios in the scale."""
    more = (
        '[[device]]\nname = "press"\nbus = "dcs"\naddress = 2\nct = 40.0\nlabel = "压机"\nreport = "on-change"\n'
        'max_registers = 20\nbarriers = { input = [10] }\n[[device.point]]\nname = "power"\nregister = "input"\n'
        'at = 4\ntype = "int64"\nscale = 0.1\noffset = -0.3\nunit = "kW"\ndecimals = 2\n'
        'unavailable = [0x8000000000000000]\nrange = [0, 100]\ncode = "p1"\n'
        '[[device.point]]\nname = "on"\nregister = "coil"\nat = 0\n'
    )
    path = tmp_path / "site.toml"
    path.write_text(site({}, more), encoding="utf-8")

    loaded = load(path)

    assert loaded.path == path
    assert loaded.gateway == Gateway(
        id="box-1",
        name=Text("box-1", "box-1"),
        timezone="Asia/Shanghai",
        language="zh",
        state_dir=tmp_path / "state",
        clock="auto",
    )
    assert loaded.uplink == MqttUplink(
        host="127.0.0.1",
        port=1883,
        tls=False,
        prefix="plantgate",
        username=None,
        password_file=None,
        ca_file=None,
        cert_file=None,
        key_file=None,
        keepalive_s=30.0,
        nobody_listens="hold",
    )
    assert loaded.buffer == BufferLimits(commit_every_s=1.0, keep_s=2592000.0, max_size=2**32, allow_volatile=False)
    assert loaded.buses == (TcpBusSpec(name="dcs", host="127.0.0.1", port=502, framing="tcp"),)
    load_point = PointSpec(name="load", table=Table.HOLDING, at=100, type="float32", order="ABCD", unit="%")
    assert loaded.devices[0] == Device(
        spec=DeviceSpec(name="boiler", bus="dcs", protocol="modbus", address=1, timeout_s=0.5, points=(load_point,)),
        label=Text("boiler", "boiler"),
        poll_s=1.0,
        report=Report(kind="on-scan", period_s=1.0),
        info=(PointInfo(name="load", unit="%", label=Text("load", "load"), code=None),),
    )
    power = PointSpec(
        name="power",
        table=Table.INPUT,
        at=4,
        type="int64",
        order="ABCDEFGH",
        scale=4.0,
        offset=-12.0,
        unit="kW",
        decimals=2,
        unavailable=(2**63,),
        range=(0.0, 100.0),
    )
    assert loaded.devices[1].spec == DeviceSpec(
        name="press",
        bus="dcs",
        protocol="modbus",
        address=2,
        timeout_s=0.5,
        points=(power, PointSpec(name="on", table=Table.COIL, at=0, type="bit")),
        max_registers=20,
        barriers=frozenset({(Table.INPUT, 10)}),
    )
    assert loaded.devices[1].report == Report(kind="on-change", period_s=600.0)
    assert loaded.devices[1].label == Text("压机", "压机")
    assert loaded.limits == (
        Limit(
            device="boiler",
            point="load",
            high_high=None,
            high=100.0,
            low=10.0,
            low_low=None,
            deadband=2.0,
            on_delay_s=0.0,
            off_delay_s=0.0,
            priority="medium",
        ),
    )


def test_the_example_checks_clean() -> None:
    """The file that a newcomer copies has no mistakes, and its remarks are about what comes later only."""
    loaded = load(EXAMPLE)

    assert {one.spec.protocol for one in loaded.devices} == {"modbus", "dlt645-2007", "hj212"}
    assert {one.spec.name: one.model for one in loaded.devices}["press-1"] == "eastron-sdm630"
    assert all("by this version" in notice for notice in loaded.notices)


def test_the_contract_file_has_no_wrong_key_type_or_value(tmp_path: Path) -> None:
    """The file that fixes keys and meanings is refused for what it leaves out, and for nothing that it says.

    It has no stack line, no fan, no oxidiser, no further points of its CEMS, and its secrets are elsewhere.
    """
    text = (Path(__file__).parent / "contract.toml").read_text(encoding="utf-8")

    told = sorted((problem.where, problem.what) for problem in problems_of(tmp_path, text))

    assert told == [
        ('derived "stack-1.nox_converted"', 'formula: no point "cems.nox_dry"'),
        ('derived "stack-1.nox_converted"', 'formula: no point "cems.o2"'),
        ('device "cems"', "bus: no such bus"),
        ('line "paint"', "treatment: no such facility"),
        ('line "paint"', "treatment: no such facility"),
        ('outlet "stack-1"', 'o2: device "cems" has no point "o2"'),
        ("uplink.mqtt", "ca_file: there is no such file"),
        ("uplink.mqtt", "password_file: there is no such file"),
        ("uplink.mqtt", "platform_keys: there is no such file"),
    ]


def test_a_file_that_is_wrong_all_over_is_given_up_after_a_thousand_mistakes(tmp_path: Path) -> None:
    """Some other program's file gets a verdict soon, not a novel."""
    problems = problems_of(tmp_path, "\n".join(f"[other{number}]" for number in range(100_000)))

    assert len(problems) == 1001
    assert problems[-1].line is None
    assert "perhaps more" in problems[-1].what


def test_a_relative_path_counts_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the program is started."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "site.toml").write_text(site(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert load("etc/site.toml").gateway.state_dir == tmp_path / "etc" / "state"
