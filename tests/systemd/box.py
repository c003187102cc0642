"""A Debian of its own for the package: a tree made by debootstrap, booted by systemd-nspawn, driven by nsenter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = "systemd/package/build.py"
PYTHONS: Final = {"bookworm": "3.11", "trixie": "3.13"}
"""The Python of each Debian we make packages for."""
INCLUDED: Final = "systemd,dbus,python3,udev"
BOOT_S: Final = 60.0
HASTE: Final = {"DPKG_FORCE": "downgrade,unsafe-io"}
"""Nobody keeps this box: dpkg need not wait for the disk after every file. (It allows downgrades unless told else.)"""
Said = subprocess.CompletedProcess[str]


def source() -> tuple[str, str]:
    """Return mirror and suite of this machine's own Debian, as its apt knows them."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.split() for line in done.stdout.splitlines()]
    known = [
        (mirror, suite) for mirror, suite in found if suite in PYTHONS and not mirror.rstrip("/").endswith("raspbian")
    ]
    assert known, f"apt knows no Debian of {', '.join(PYTHONS)}: these tests boot one"
    return known[0]


def built(output: Path, *options: str, root: Path = ROOT) -> Path:
    """Build a package from the sources in `root` and return it."""
    done = subprocess.run(
        [sys.executable, str(root / BUILD), "--output", str(output), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


def altered(package: Path, version: str, change: Callable[[Path], None]) -> Path:
    """Return a copy of a package under another version, with `change` made to its tree."""
    tree = package.with_name(f"tree-{version}")
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True)
    before = next(
        line.split()[1] for line in (tree / "DEBIAN/control").read_text().splitlines() if line.startswith("Version:")
    )
    for name in ("control", "preinst", "postinst"):
        path = tree / "DEBIAN" / name
        path.write_text(path.read_text().replace(before, version))
    init = tree / "opt/plantgate/package/lib/agent/__init__.py"
    init.write_text(init.read_text().replace(before, version))
    change(tree)
    made = package.with_name(f"plantgate_{version}.deb")
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(made)], check=True)
    shutil.rmtree(tree)
    return made


class Box:
    """A machine: `boot`, `run` commands on it as its root, `power_off`."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self._log = tree.with_name(f"{tree.name}.log")
        self._shell: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def install_system(self) -> None:
        """Make the tree: a Debian as small as it boots, and an empty line where packages are put."""
        mirror, suite = source()
        command = ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", suite, str(self.tree), mirror]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **HASTE})
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    def boot(self) -> None:
        """Start it and wait until everything that starts by itself has."""
        command = ["systemd-nspawn", f"--directory={self.tree}", "--boot", "--register=no", "--private-network"]
        if not Path("/run/systemd/system").is_dir():  # nobody is there to give it a unit of its own
            command.append("--keep-unit")
        with self._log.open("ab") as log:
            self._shell = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._leader = self._first_child()
        self.eventually("systemctl is-system-running | grep -Eq 'running|degraded'", within_s=BOOT_S)

    def _first_child(self) -> int:
        assert self._shell is not None
        children = Path(f"/proc/{self._shell.pid}/task/{self._shell.pid}/children")
        for _ in range(600):
            with suppress(OSError):
                if found := children.read_text().split():
                    return int(found[0])
            time.sleep(0.1)
        raise AssertionError(self._log.read_text()[-2000:])

    def run(self, command: str, *, code: int | None = 0, within_s: float = 240) -> Said:
        """Run a shell's words as root of the box; `code` is what it must end with, ``None`` for whatever."""
        done = subprocess.run(
            ["nsenter", "--target", str(self._leader), "--all", "sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
            stdin=subprocess.DEVNULL,
            env={"PATH": f"{os.defpath}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", **HASTE},
        )
        assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def said(self, command: str) -> str:
        """Return what a command that works prints."""
        return self.run(command).stdout.strip()

    def eventually(self, command: str, within_s: float = 60) -> None:
        """Wait until a command ends with 0."""
        for _ in range(int(within_s * 5)):
            if self.run(command, code=None).returncode == 0:
                return
            time.sleep(0.2)
        told = self.run("systemctl status 'plantgate*' --no-pager --lines 30", code=None).stdout
        raise AssertionError(f"never: {command}\n{told}")

    def show(self, unit: str, what: str) -> str:
        """Return a property of a unit."""
        return self.said(f"systemctl show --property={what} --value {unit}")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file into the box."""
        place = self.tree / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def bring(self, package: Path) -> str:
        """Put a package into the box and return its path there."""
        shutil.copy(package, self.tree / "root" / package.name)
        return f"/root/{package.name}"

    def power_off(self) -> None:
        """Stop it in order; what does not stop is killed."""
        if self._shell is None:
            return
        self.run("systemctl poweroff --no-wall", code=None)
        try:
            self._shell.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()
        self._shell = None

    def scrap(self) -> None:
        """Take it away, tree and all."""
        self.power_off()
        shutil.rmtree(self.tree, ignore_errors=True)
