"""The Debian package: what is in it, for which machine, and that the same sources give the same bytes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from agent import __version__
from buffer import history_store, store
from tests.systemd.box import ROOT, built

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
PACKAGE = ROOT / "systemd/package"
LOCK = (PACKAGE / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what a package is built from: the sources as they are now, whoever works on them."""
    return copied(ROOT, tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def amd64(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package for a PC with Debian 12."""
    return built(tmp_path_factory.mktemp("amd64"), root=sources)


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package for a Raspberry Pi with Debian 13, on whatever machine this is."""
    return built(tmp_path_factory.mktemp("arm64"), "--arch", "arm64", "--python", "3.13")


def copied(root: Path, directory: Path) -> Path:
    """Copy a tree of sources, with other dates; return the copy."""
    directory.mkdir(exist_ok=True)
    for name in ("agent", "buffer", "config", "drivers", "systemd", "docs"):
        shutil.copytree(root / name, directory / name, copy_function=shutil.copyfile)
    for name in ("pyproject.toml", "LICENSE", "CHANGELOG.md"):
        shutil.copyfile(root / name, directory / name)
    return directory


def asked(*command: str | Path) -> str:
    """Return what a program prints."""
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout


def field(package: Path, name: str) -> str:
    """Return a field of the control file."""
    return asked("dpkg-deb", "--field", package, name).strip()


def contents(package: Path) -> dict[str, tuple[str, str]]:
    """Return mode and owner of everything in the package, by path."""
    rows = (line.split(maxsplit=5) for line in asked("dpkg-deb", "--contents", package).splitlines())
    return {path.split(" -> ")[0].removeprefix("."): (mode, owner) for mode, owner, _, _, _, path in rows}


def shared_objects(package: Path) -> set[str]:
    """Return the machine and Python tags of the compiled modules."""
    names = (path for path in contents(package) if path.endswith(".so"))
    return {match[1] for name in names if (match := re.search(r"\.(cpython-\S+|abi3)\.so$", name))}


def test_control_says_what_it_needs(amd64: Path) -> None:
    """Version, machine, and the one Python its compiled parts are for: dpkg keeps the system from having another."""
    assert [field(amd64, name) for name in ("Package", "Version", "Architecture")] == [
        "plantgate",
        __version__,
        "amd64",
    ]
    assert "python3 (>= 3.11), python3 (<< 3.12)" in field(amd64, "Depends")
    assert "systemd (>= 252)" in field(amd64, "Depends")


@pytest.mark.parametrize(
    "path",
    [
        "/usr/bin/plantgate",
        "/opt/plantgate/package/bin/plantgate",
        "/opt/plantgate/package/stores",
        "/opt/plantgate/package/lib/agent/cli/main.py",
        "/opt/plantgate/package/lib/agent/panel/templates/layout.html",
        "/opt/plantgate/package/lib/paho/mqtt/client.py",
        "/opt/plantgate/package/lib/uvicorn/main.py",
        "/usr/lib/systemd/system/plantgate.service",
        "/usr/lib/systemd/system/plantgate-panel.service",
        "/usr/lib/systemd/journald.conf.d/50-plantgate.conf",
        "/usr/lib/sysusers.d/plantgate.conf",
        "/usr/lib/tmpfiles.d/plantgate.conf",
        "/usr/lib/udev/rules.d/70-plantgate.rules",
        "/usr/share/doc/plantgate/copyright",
        "/usr/share/doc/plantgate/doctor.md",
        "/usr/share/doc/plantgate/install/README.md",
        "/usr/share/doc/plantgate/install/package.md",
        "/usr/share/doc/plantgate/examples/site.toml",
    ],
)
def test_what_is_in_it(amd64: Path, path: str) -> None:
    """Program, libraries, units, users, directories, udev rules, papers."""
    assert path in contents(amd64)


def test_nothing_in_it_is_somebody_elses(amd64: Path) -> None:
    """Everything belongs to root, nobody else may write, nothing has more rights than it needs."""
    found = contents(amd64)

    assert {owner for _, owner in found.values()} == {"root/root"}
    assert {mode for mode, _ in found.values()} == {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx"}
    assert not [path for path in found if "__pycache__" in path or path.startswith(("/etc", "/var"))]


def test_the_same_sources_give_the_same_bytes(amd64: Path, sources: Path, tmp_path: Path) -> None:
    """Built again from another folder, later, under another umask: not a byte differs."""
    before = os.umask(0o077)
    try:
        again = built(tmp_path / "out", root=copied(sources, tmp_path / "sources"))
    finally:
        os.umask(before)

    assert again.read_bytes() == amd64.read_bytes()


def test_a_package_for_another_machine_is_built_without_one(arm64: Path) -> None:
    """The compiled modules are those for aarch64 and Python 3.13, and none is another's."""
    assert field(arm64, "Architecture") == "arm64"
    assert "python3 (>= 3.13), python3 (<< 3.14)" in field(arm64, "Depends")
    tags = shared_objects(arm64)
    assert "cpython-313-aarch64-linux-gnu" in tags
    assert tags <= {"cpython-313-aarch64-linux-gnu", "abi3"}


def test_compiled_modules_are_for_the_machine_inside_as_well(arm64: Path, tmp_path: Path) -> None:
    """Their ELF header says AArch64 (183), those without a machine in their name included."""
    asked("dpkg-deb", "--extract", arm64, tmp_path)
    machines = {path.name: path.read_bytes()[18:20] for path in tmp_path.rglob("*.so")}

    assert len(machines) > 3
    assert set(machines.values()) == {(183).to_bytes(2, "little")}


def test_patience_comes_where_systemd_knows_it(amd64: Path, arm64: Path) -> None:
    """Longer and longer pauses between restarts need systemd 254: only Debian 13's package asks for them."""
    place = "/usr/lib/systemd/system/plantgate.service.d/patience.conf"

    assert place in contents(arm64)
    assert place not in contents(amd64)


def test_it_carries_the_versions_of_its_stores(amd64: Path, tmp_path: Path) -> None:
    """The scripts compare them with what is on the box."""
    asked("dpkg-deb", "--raw-extract", amd64, tmp_path / "raw")

    stores = (tmp_path / "raw/opt/plantgate/package/stores").read_text()
    assert stores == f"outbox {store.VERSION}\nhistory {history_store.VERSION}\n"
    assert f"outbox:{store.VERSION} history:{history_store.VERSION}" in (tmp_path / "raw/DEBIAN/preinst").read_text()
    for name in SCRIPTS:
        assert not re.search(r"@[A-Z]+@", (tmp_path / "raw/DEBIAN" / name).read_text()), name


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_plain_shell(script: str) -> None:
    """`sh -n` has nothing to say, and a failing command ends the script."""
    text = (PACKAGE / script).read_text(encoding="utf-8")

    asked("sh", "-n", PACKAGE / script)
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text


def test_the_lock_has_hashes_for_every_package() -> None:
    """What is installed is what was looked at; nothing is taken by its name alone."""
    named = re.findall(r"^[a-z][a-z0-9-]+==\S+.*$", LOCK, re.MULTILINE)

    assert len(named) > 20
    assert all(line.endswith("\\") for line in named)
    assert LOCK.count("--hash=sha256:") >= len(named)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """Every dependency of the project and of its panel is locked."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    panel = re.search(r"^panel = \[(.*?)\]", project, re.MULTILINE)
    assert wanted
    assert panel
    names = re.findall(r'"([a-z0-9-]+)', wanted[1] + panel[1])

    assert [name for name in names if f"\n{name}==" not in LOCK] == []
