"""``plantgate init`` without a conversation: answers files, wrong usage, files; and what it sees of the machine."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from agent.cli.init_files import Answers, keep_password, write_whole
from agent.cli.init_machine import language, serial_ports, zone
from agent.cli.init_site import memory_of, next_steps, remembered
from agent.cli.init_terminal import WIDTH, width, wrapped
from agent.cli.main import application
from agent.setup.words import Words
from agent.sites import load_site
from drivers.sim.__main__ import HostClock
from drivers.sim.instruments import plant_units
from drivers.sim.modbus_server import ModbusServer
from drivers.sim.plant import Plant
from tests.peers.typist import Typist

if TYPE_CHECKING:
    from agent.setup.document import Document

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "docs" / "install" / "answers.example.toml").read_text(encoding="utf-8")


def ran(*words: str, site: Path) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error."""
    result = CliRunner().invoke(application(["init"]), ["init", str(site), *words])
    return result.exit_code, result.stdout, result.stderr


def answers(directory: Path, text: str) -> str:
    """Write an answers file; return its name."""
    path = directory / "answers.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def example(directory: Path) -> str:
    """Return the example with a line that is here, and the password file that it names."""
    keep_password(directory / "site.toml", "secret")
    (directory / "platform-ca.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n", encoding="utf-8")
    return EXAMPLE


# --- answers files ----------------------------------------------------------------------------------------------------


def test_the_example_is_a_whole_site_without_a_scan(tmp_path: Path) -> None:
    """All its devices have a model, so that nothing must be looked at; the file is readable by all."""
    code, out, err = ran("--answers", answers(tmp_path, example(tmp_path)), "--no-scan", site=tmp_path / "site.toml")

    assert (code, err) == (0, "")
    assert f"已写入 {tmp_path / 'site.toml'}" in out
    site = load_site(tmp_path / "site.toml")
    assert [one.spec.name for one in site.devices] == ["press-1", "fan-1"]
    assert stat.S_IMODE((tmp_path / "site.toml").stat().st_mode) == 0o644


def test_a_terminal_without_chinese_ends_nothing(tmp_path: Path) -> None:
    """A console that is set to Latin shows question marks; the site file is as it would be."""
    words = [sys.executable, "-m", "agent.cli.main", "init", "site.toml", "--no-scan", "--answers"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*words, answers(tmp_path, example(tmp_path))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "???" in done.stdout
    assert load_site(tmp_path / "site.toml").gateway.name.zh == "一号车间"


def test_the_same_answers_make_the_same_file(tmp_path: Path) -> None:
    """Byte for byte."""
    given = answers(tmp_path, example(tmp_path))
    made = [tmp_path / name / "site.toml" for name in ("a", "b")]
    for one in made:
        one.parent.mkdir()
        example(one.parent)
        assert ran("--answers", given, "--no-scan", site=one)[0] == 0

    assert made[0].read_bytes() == made[1].read_bytes()


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Already at the draft that is checked; exit 1, and no file."""
    given = answers(tmp_path, example(tmp_path))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = ran("--answers", given, "--no-scan", site=tmp_path / "site.toml")

    assert (code, "No space left" in err) == (1, True)
    assert not [one.name for one in tmp_path.iterdir() if "site" in one.name]


def test_a_scan_completes_the_answers(tmp_path: Path) -> None:
    """A host is looked at; the device that is named gets its model, the others names of their own."""
    units = plant_units(Plant())["line1"]
    with ModbusServer(HostClock()) as server:
        port = server.listen("line", {1: units[3], 2: units[4]})
        text = f'[gateway]\nid = "jn-1"\n\n[[scan]]\nbus = "host1"\nplace = "127.0.0.1:{port}"\nunits = "1-2"\n'
        text += '[[device]]\nname = "press-1"\nbus = "host1"\naddress = 1\n'
        code, out, err = ran("--answers", answers(tmp_path, text), "--lang", "en", site=tmp_path / "site.toml")

    assert (code, err) == (0, "")
    assert "scanning 127.0.0.1" in out
    devices = load_site(tmp_path / "site.toml").devices
    assert (devices[0].spec.name, devices[0].model) == ("press-1", "eastron-sdm630")


MISTAKES = {
    "many": ('[gateway]\nid = "X Y"\nlanguage = "fr"\n[uplink.mqtt]\nurl = "h"\n', ("answers.toml:2:", "mistakes: 3")),
    "no TOML": ("[gateway\n", ("answers.toml:1: is no TOML",)),
    "a reference to nothing": (
        '[gateway]\nid = "a"\n\n[[facility]]\nname = "p"\nrole = "production"\npower = "x.power"\nrated = 1.0\n',
        ("answers.toml:7: ", "no device"),
    ),
    "another language": ('[gateway]\nid = "X Y"\nlanguage = "en"\n', ("nothing is written",)),
}


@pytest.mark.parametrize(("text", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_write_nothing(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    """Exit code 1, all of them at once, with line and remedy."""
    code, _, err = ran("--answers", answers(tmp_path, text), "--lang", "en", site=tmp_path / "site.toml")

    assert code == 1
    assert all(one in err for one in words), err
    assert [path.name for path in tmp_path.iterdir()] == ["answers.toml"]


def test_a_site_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    """With --replace it is, and the old one is kept."""
    name, site = answers(tmp_path, example(tmp_path)), tmp_path / "site.toml"
    site.write_text("# by hand\n", encoding="utf-8")

    refused = ran("--answers", name, "--no-scan", site=site)
    kept = site.read_text(encoding="utf-8")
    done = ran("--answers", name, "--no-scan", "--replace", site=site)

    assert (refused[0], kept) == (1, "# by hand\n")
    assert "--replace" in refused[2]
    assert done[0] == 0
    assert (tmp_path / "site.toml.bak").read_text(encoding="utf-8") == "# by hand\n"


# --- wrong usage ------------------------------------------------------------------------------------------------------


def test_wrong_usage_is_explained(tmp_path: Path) -> None:
    """Exit code 2 and the remedy: no terminal, no such folder, no such file, no such language."""
    cases = {
        "needs a terminal": ran(site=tmp_path / "site.toml"),
        "there is no directory": ran(site=tmp_path / "none" / "site.toml"),
        "is a directory": ran(site=tmp_path),
        "No such file": ran("--answers", str(tmp_path / "none"), site=tmp_path / "site.toml"),
        "zh or en": ran("--lang", "fr", site=tmp_path / "site.toml"),
    }

    for words, (code, _, err) in cases.items():
        assert code == 2, words
        assert words in " ".join(err.replace("│", " ").split())


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_chinese_and_a_second_time(tmp_path: Path) -> None:
    """Chinese by choice; a file that is there is proposed, asked about, and kept as .bak; no cursor tricks."""
    program = [sys.executable, "-m", "agent.cli.main", "init", "site.toml"]
    (tmp_path / "site.toml").write_text('[gateway]\nid = "jn-7"\n\n[[limit]]\npoint = "a.b"\nhigh = 1\n')
    with Typist(program, tmp_path, ROOT) as person:
        person.sees("--- 1/9")
        assert "site.toml的内容作为建议" in "".join(person.screen.split()), "wherever the lines break"
        person.types("Language", "zh")
        person.types("网关编号 [jn-7]", "")
        for prompt in ("名称", "时区", "服务器地址", "用哪些线路"):
            person.types(prompt, "-" if prompt == "用哪些线路" else "")
        person.types("启用哪些", "")
        person.types("监听地址", "-")
        person.sees("检查发现 1 处错误")
        person.sees("a.b")
        assert person.ends() == 1
    assert "\x1b" not in person.screen


def test_a_second_setup_replaces_when_told(tmp_path: Path) -> None:
    """Asked at the end; no writes nothing, yes keeps the old file."""
    program = [sys.executable, "-m", "agent.cli.main", "init", "site.toml", "--lang", "en", "--no-scan"]
    (tmp_path / "site.toml").write_text('[gateway]\nid = "jn-7"\nstate_dir = "s"\n\n[panel]\nlisten = "0.0.0.0:1"\n')
    with Typist(program, tmp_path, ROOT) as person:
        for prompt in ("Language", "gateway id [jn-7]", "name", "time zone", "address", "which of them", "which apply"):
            person.types(prompt, "-" if prompt == "which of them" else "")
        person.types("address to listen on [0.0.0.0:1]", "127.0.0.1:8080")
        person.types("exists. Replace it", "<")
        person.types("address to listen on [127.0.0.1:8080]", "")
        person.types("exists. Replace it", "yes")
        assert person.ends() == 0
    assert tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))["gateway"]["state_dir"] == "s"
    assert "0.0.0.0:1" in (tmp_path / "site.toml.bak").read_text(encoding="utf-8")


LONG = ("plain " * 40, "一个很长的中文句子，没有空格，" * 8, "  indented " + "word " * 30, "short", "")


@pytest.mark.parametrize("text", LONG)
def test_lines_fit_the_terminal(text: str) -> None:
    """Broken at spaces, or anywhere in Chinese; nothing is lost."""
    lines = wrapped(text)

    assert all(sum(1 + (one > "\u2fff") for one in line.rstrip()) <= WIDTH for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(("columns", "fits"), [("40", 38), ("300", WIDTH), ("3", 20)])
def test_a_narrow_terminal_is_known(columns: str, fits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone's width is used, a very wide one is not; below what can be read, lines break as they may."""
    monkeypatch.setenv("COLUMNS", columns)

    assert width() == fits
    assert max(len(line) for line in wrapped("word " * 30, width())) <= fits


# --- files ------------------------------------------------------------------------------------------------------------


def test_files_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails at any step leaves the old file as it was, and no draft beside it."""
    path = tmp_path / "site.toml"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for step in ("fsync", "fchmod"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, full)
            with pytest.raises(OSError, match="No space"):
                write_whole(path, "new", 0o644)
        assert [one.name for one in tmp_path.iterdir()] == ["site.toml"]
    assert path.read_text() == "old"
    write_whole(path, "new", 0o600)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_answers_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    """Read back as they were."""
    kept = Answers(tmp_path / "site.toml")
    kept.keep({"gateway": {"id": "a"}, "scan": [{"bus": "line1"}]})

    assert kept.path.name == "site.toml.answers.toml"
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert kept.read() == {"gateway": {"id": "a"}, "scan": [{"bus": "line1"}]}
    kept.forget()
    assert kept.read() == {}


def test_what_a_setup_remembers_begins_the_next() -> None:
    """The file is believed; devices that were not wanted stay so; what a scan found is not kept for ever."""
    document: Document = {"gateway": {"id": "a"}, "bus": [{"name": "line1", "type": "serial", "port": "/dev/x"}]}
    unwanted = {"bus": "line1", "protocol": "modbus", "address": 9, "take": "out"}
    said = remembered({"device": [unwanted], "scan": [{"bus": "line1", "units": "1-3", "result": {}}]}, document)
    next_time = memory_of({**document, "device": [{"bus": "line1", "address": 3, "model": "eastron-sdm630"}]}, said)

    assert said["init"]["finished"] is True
    assert said["scan"] == [{"bus": "line1", "units": "1-3"}]
    assert next_time["init"]["lines"] == ["/dev/x"]
    assert [one["protocol"] for one in next_time["device"]] == ["modbus", "modbus"]
    assert next_time["device"][1] == unwanted


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("/etc/plantgate/site.toml", "sudo systemctl enable --now plantgate plantgate-panel"),
        ("/etc/plantgate/site.toml", "sudo plantgate panel setup /etc/plantgate/site.toml"),
        ("/etc/plantgate/site.toml", "sudo plantgate doctor /etc/plantgate/site.toml"),
        ("/tmp/x/site.toml", "plantgate run"),
    ],
)
def test_what_to_do_next_is_told(target: str, command: str) -> None:
    """On a box by systemd, on a desk in this terminal; with the panel's setup code where there is a panel."""
    said = "\n".join(next_steps(Path(target), Words("en"), has_panel=True))

    assert command in said
    assert ("panel setup" in said) == target.startswith("/etc")
    assert "doctor" in said


# --- the machine ------------------------------------------------------------------------------------------------------


def test_ports_are_listed_once_and_only_real_ones(tmp_path: Path) -> None:
    """By path where they have such a name; a board's ports only where a chip is behind them."""
    devices, ttys = tmp_path / "dev", tmp_path / "tty"
    (devices / "serial" / "by-path").mkdir(parents=True)
    for name in ("ttyUSB0", "ttyUSB1", "ttyS0", "ttyS1"):
        (devices / name).touch()
    for name, kind in (("ttyS0", "4"), ("ttyS1", "0")):
        (ttys / name).mkdir(parents=True)
        (ttys / name / "type").write_text(kind)
    (devices / "serial" / "by-path" / "usb-0:1.1").symlink_to(devices / "ttyUSB0")

    assert serial_ports(devices, ttys) == (
        str(devices / "serial" / "by-path" / "usb-0:1.1"),
        str(devices / "ttyUSB1"),
        str(devices / "ttyS0"),
    )


def test_zone_and_language_are_the_machine_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new image's UTC is nobody's zone; a terminal that says nothing speaks Chinese."""
    monkeypatch.delenv("TZ", raising=False)
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Asia/Urumqi")
    (tmp_path / "utc").symlink_to("/usr/share/zoneinfo/Etc/UTC")

    assert zone(tmp_path / "localtime") == "Asia/Urumqi"
    assert zone(tmp_path / "utc") == "Asia/Shanghai"
    assert zone(tmp_path / "none") == "Asia/Shanghai"
    assert [language(one) for one in ({}, {"LANG": "C.UTF-8"}, {"LANG": "en_GB.UTF-8"})] == ["zh", "zh", "en"]
