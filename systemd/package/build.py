# ruff: noqa: INP001 -- a program, not part of a package
"""Builds the Debian package: ``python systemd/package/build.py --arch amd64 --python 3.11 --output dist``.

Nothing is compiled, so that any machine builds for any other: dependencies are the wheels that `requirements.lock`
names by hash, our own rooms are copied as they are. The same sources give the same bytes (dates are SOURCE_DATE_EPOCH,
or that of the newest entry in CHANGELOG.md).

What it makes
    /opt/plantgate/package/     the release as dpkg knows it: bin/plantgate, lib/, stores (the versions it writes)
    /usr/bin/plantgate          a link to the release in use
    /usr/lib/...                units, users, directories, udev rules, journal limits
The scripts beside this file make a release of it (`postinst`).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
ROOMS: Final = ("agent", "buffer", "config", "drivers")
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC: Final = {"3.11": 36, "3.13": 41}
"""The minor version of the C library in the Debian that has this Python: bookworm, trixie."""

PLACES: Final = {
    "plantgate.service": "usr/lib/systemd/system/plantgate.service",
    "plantgate-panel.service": "usr/lib/systemd/system/plantgate-panel.service",
    "plantgate.sysusers": "usr/lib/sysusers.d/plantgate.conf",
    "plantgate.tmpfiles": "usr/lib/tmpfiles.d/plantgate.conf",
    "70-plantgate.rules": "usr/lib/udev/rules.d/70-plantgate.rules",
    "journald.conf": "usr/lib/systemd/journald.conf.d/50-plantgate.conf",
}
PATIENCE: Final = "usr/lib/systemd/system/{unit}.d/patience.conf"
UNITS: Final = ("plantgate.service", "plantgate-panel.service")
PAPERS: Final = (
    *("alarms.md", "doctor.md", "export.md", "metrics.md", "operations.md", "panel.md", "rules.md", "site.md"),
    *("install/README.md", "install/answers.example.toml", "install/package.md"),
    *("install/transcript.txt", "install/trial.md"),
)
"""What somebody at the box reads, from docs/: many a box has no internet to look it up."""

LAUNCHER: Final = """\
#!/usr/bin/python3 -IB
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent.cli.main import main

main()
"""


def main() -> int:
    """Build what the command line asks for and print where it is."""
    asked = argparse.ArgumentParser(description="Build the Debian package.")
    asked.add_argument("--arch", choices=MACHINES, default="amd64")
    asked.add_argument("--python", choices=GLIBC, default="3.11", help="of the Debian it is for")
    asked.add_argument("--version", default=found(ROOT / "pyproject.toml", r'^version = "(.+)"$'))
    asked.add_argument("--output", type=Path, default=ROOT / "dist")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="plantgate-deb-") as aside:
        tree = Path(aside) / "tree"
        lay(tree, arch=given.arch, python=given.python, version=given.version)
        package = pack(tree, given.output / f"plantgate_{given.version}_{given.arch}_py{given.python}.deb")
    sys.stdout.write(f"{package}\n")
    return 0


def found(path: Path, pattern: str) -> str:
    """Return what the pattern's group matches in a file."""
    match = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise SystemExit(f"{path}: nothing like {pattern}")
    return match[1]


def lay(tree: Path, *, arch: str, python: str, version: str) -> None:
    """Lay out everything that is in the package."""
    release = tree / "opt/plantgate/package"
    wheels(release / "lib", MACHINES[arch], python)
    ours(release / "lib", version)
    put(release / "bin/plantgate", LAUNCHER, mode=0o755)
    stores = store_versions()
    put(release / "stores", "".join(f"{name} {number}\n" for name, number in stores.items()))
    system(tree, python)
    papers(tree)
    control(tree, {"VERSION": version, "ARCH": arch, **pythons(python), **{n.upper(): v for n, v in stores.items()}})


def wheels(lib: Path, machine: str, python: str) -> None:
    """Install the locked dependencies for another machine and another Python than those that build."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[python], 16, -1)]
    tag = "cp" + python.replace(".", "")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--only-binary=:all:", "--no-deps", "--target", str(lib)]
    command += ["--implementation", "cp", "--python-version", python]
    command += [word for abi in (tag, "abi3", "none") for word in ("--abi", abi)]
    command += [word for one in (*platforms, f"manylinux2014_{machine}") for word in ("--platform", one)]
    subprocess.run([*command, "--requirement", str(HERE / "requirements.lock")], check=True)  # noqa: S603 (our words)
    shutil.rmtree(lib / "bin", ignore_errors=True)  # programs of libraries; they name the Python that built


def ours(lib: Path, version: str) -> None:
    """Copy our rooms; the version is what the package says."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, lib / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*~"))
    init = lib / "agent/__init__.py"
    text = re.sub(r'(__version__: Final = )".*"', rf'\1"{version}"', init.read_text(encoding="utf-8"))
    init.write_text(text, encoding="utf-8")


def store_versions() -> dict[str, str]:
    """Return the versions of the stores that this software writes."""
    pattern = r"^VERSION(?:: Final)? = (\d+)$"
    places = {"outbox": "buffer/store.py", "history": "buffer/history_store.py"}
    return {name: found(ROOT / place, pattern) for name, place in places.items()}


def system(tree: Path, python: str) -> None:
    """Put units and the rest where the system looks for them."""
    for name, place in PLACES.items():
        put(tree / place, (ROOT / "systemd" / name).read_text(encoding="utf-8"))
    if python != "3.11":  # bookworm's systemd (252) does not know these settings yet
        for unit in UNITS:
            put(tree / PATIENCE.format(unit=unit), (ROOT / "systemd/patience.conf").read_text(encoding="utf-8"))
    link = tree / "usr/bin/plantgate"
    link.parent.mkdir(parents=True)
    link.symlink_to("/opt/plantgate/current/bin/plantgate")


def papers(tree: Path) -> None:
    """Put what people read."""
    place = tree / "usr/share/doc/plantgate"
    put(place / "copyright", (ROOT / "LICENSE").read_text(encoding="utf-8"))
    put(place / "CHANGELOG.md", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    put(place / "examples/site.toml", (ROOT / "config/site.example.toml").read_text(encoding="utf-8"))
    for paper in PAPERS:
        put(place / paper, (ROOT / "docs" / paper).read_text(encoding="utf-8"))


def pythons(python: str) -> dict[str, str]:
    """Return the Python the package needs, and the first it does not run on: its compiled parts are for one."""
    major, minor = python.split(".")
    return {"PYTHON": python, "PYTHON_NEXT": f"{major}.{int(minor) + 1}"}


def control(tree: Path, words: dict[str, str]) -> None:
    """Write what dpkg reads, with the build's words in it."""
    size = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    for name in ("control", "preinst", "postinst", "prerm", "postrm"):
        text = (HERE / name).read_text(encoding="utf-8")
        for word, value in {**words, "SIZE": str(size)}.items():
            text = text.replace(f"@{word}@", value)
        put(tree / "DEBIAN" / name, text, mode=0o644 if name == "control" else 0o755)
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    sums = [f"{digest(path)}  {path.relative_to(tree)}\n" for path in files if "DEBIAN" not in path.parts]
    put(tree / "DEBIAN/md5sums", "".join(sums))


def digest(path: Path) -> str:
    """Return the sum that `dpkg --verify` compares; it is against accidents, not against people."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def put(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file of the package."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def pack(tree: Path, package: Path) -> Path:
    """Make the package: modes, owners and dates do not depend on who builds it, and where, and when."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or changelog_date())
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if is_program else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    package.parent.mkdir(parents=True, exist_ok=True)
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z3", "--threads-max=1", "--build", str(tree), str(package)]
    done = subprocess.run(  # noqa: S603 (our words)
        command, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return package


def changelog_date() -> int:
    """Return the date of the newest entry, seconds since 1970; of a changelog without dates, that of Debian 12."""
    match = re.search(r"\b(20\d\d-\d\d-\d\d)\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    day = match[1] if match else "2023-06-10"
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


if __name__ == "__main__":
    sys.exit(main())
