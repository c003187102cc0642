"""The unit file: systemd understands it, it is tight, it fits the program, and every setting says why."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "plantgate.service"
LINES = UNIT.read_text(encoding="utf-8").splitlines()
PAIRS = [tuple(line.split("=", 1)) for line in LINES if "=" in line and not line.startswith("#")]


def settings(name: str) -> list[str]:
    """Return the values of a setting."""
    return [value for found, value in PAIRS if found == name]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze, from Debian's package systemd."""
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, once the program's path points to something that exists."""
    copy = tmp_path / UNIT.name
    copy.write_text(
        UNIT.read_text(encoding="utf-8").replace("/opt/plantgate/bin/plantgate", "/bin/true"), encoding="utf-8"
    )

    found = analyze("verify", "--man=no", str(copy))

    complaints = [line for line in found.stderr.splitlines() if "plantgate" in line]
    assert complaints == []


def test_a_misspelt_setting_would_be_noticed(tmp_path: Path) -> None:
    """The test above can fail."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace("ProtectClock=", "ProtectClocks="), encoding="utf-8")

    assert "ProtectClocks" in analyze("verify", "--man=no", str(copy)).stderr


@pytest.mark.parametrize(("threshold", "code"), [("20", 0), ("10", 1)])
def test_exposure_is_at_most_two(threshold: str, code: int) -> None:
    """`systemd-analyze security` rates the unit 2.0 or better (and would refuse what is worse than the threshold)."""
    found = analyze("security", "--offline=true", f"--threshold={threshold}", str(UNIT))

    assert found.returncode == code, found.stdout[-300:]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Type", ["notify"]),
        ("NotifyAccess", ["main"]),
        ("ExecStart", ["/opt/plantgate/bin/plantgate run /etc/plantgate/site.toml"]),
        ("ExecReload", ["/bin/kill -HUP $MAINPID"]),
        ("WatchdogSec", ["60"]),
        ("Restart", ["always"]),
        ("RestartSec", ["5"]),
        ("StartLimitIntervalSec", ["0"]),
        ("TimeoutStopSec", ["10"]),
        ("User", ["plantgate"]),
        ("StateDirectory", ["plantgate"]),
        ("StateDirectoryMode", ["0700"]),
        ("UMask", ["0077"]),
        ("Environment", ["BOOT_ID=%b"]),
        ("SystemCallErrorNumber", ["EPERM"]),
        ("MemoryDenyWriteExecute", ["yes"]),
    ],
)
def test_what_the_program_relies_on(name: str, values: list[str]) -> None:
    """Readiness, watchdog, restarts without end, a private state directory and the boot id."""
    assert settings(name) == values


@pytest.mark.parametrize("name", ["ProcSubset", "PrivateDevices", "PrivateUsers", "DynamicUser"])
def test_traps_that_are_not_stepped_into(name: str) -> None:
    """Settings that look tighter and break the agent: no boot id, no serial ports, no dialout group, a moving owner."""
    assert settings(name) == []


def test_serial_drivers_are_loaded_before_their_devices_are_allowed() -> None:
    """DeviceAllow= groups are resolved at start: a driver that comes later would be denied."""
    modules = {f"modprobe@{name}.service" for name in ("usbserial", "cdc_acm")}

    assert modules <= set(" ".join(settings("Wants")).split())
    assert modules <= set(" ".join(settings("After")).split())
    assert {"char-ttyUSB rw", "char-ttyACM rw"} <= set(settings("DeviceAllow"))


def test_time_is_not_waited_for() -> None:
    """A plant is measured from the first second; records say how good the clock is."""
    assert "time-sync.target" not in " ".join(settings("After") + settings("Wants") + settings("Requires"))


def test_every_group_of_settings_says_why() -> None:
    """No setting without a reason: each block of settings has a comment above its first line."""
    without = []
    explained = False
    for line in LINES:
        if line.startswith("#"):
            explained = True
        elif not line or line.startswith("["):
            explained = False
        elif not explained and line != "WantedBy=multi-user.target" and not line.startswith("Description="):
            without.append(line)

    assert without == []
