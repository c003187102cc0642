"""The unit files: systemd understands them, they are tight, they fit the programs, and every setting says why."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
AGENT, PANEL = "plantgate.service", "plantgate-panel.service"
UNITS = [AGENT, PANEL]
PROGRAM = "/opt/plantgate/current/bin/plantgate"


def lines(unit: str) -> list[str]:
    """Return a unit's lines."""
    return (SYSTEMD / unit).read_text(encoding="utf-8").splitlines()


def settings(unit: str, name: str) -> list[str]:
    """Return the values of a setting."""
    pairs = [line.split("=", 1) for line in lines(unit) if "=" in line and not line.startswith("#")]
    return [value for found, value in pairs if found == name]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze, from Debian's package systemd."""
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


def verified(unit: str, directory: Path, before: str = "", after: str = "") -> str:
    """Return what `systemd-analyze verify` says of a copy of the unit that points to a program that exists."""
    text = (SYSTEMD / unit).read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")
    (directory / unit).write_text(text.replace(before, after) if before else text, encoding="utf-8")
    return analyze("verify", "--man=no", str(directory / unit)).stderr


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line(unit: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, once the program's path points to something that exists."""
    assert [line for line in verified(unit, tmp_path).splitlines() if "plantgate" in line] == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_misspelt_setting_would_be_noticed(unit: str, tmp_path: Path) -> None:
    """The test above can fail."""
    assert "ProtectClocks" in verified(unit, tmp_path, "ProtectClock=", "ProtectClocks=")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("threshold", "code"), [("20", 0), ("10", 1)])
def test_exposure_is_at_most_two(unit: str, threshold: str, code: int) -> None:
    """`systemd-analyze security` rates the unit 2.0 or better (and would refuse what is worse than the threshold)."""
    found = analyze("security", "--offline=true", f"--threshold={threshold}", str(SYSTEMD / unit))

    assert found.returncode == code, found.stdout[-300:]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Type", ["notify"]),
        ("NotifyAccess", ["main"]),
        ("WatchdogSec", ["60"]),
        ("Restart", ["always"]),
        ("RestartSec", ["5"]),
        ("StartLimitIntervalSec", ["0"]),
        ("TimeoutStopSec", ["10"]),
        ("StateDirectoryMode", ["0700"]),
        ("UMask", ["0077"]),
        ("SystemCallErrorNumber", ["EPERM"]),
        ("MemoryDenyWriteExecute", ["yes"]),
        ("CapabilityBoundingSet", [""]),
        ("DevicePolicy", ["closed"]),
        ("ConditionPathExists", ["/etc/plantgate/site.toml"]),
    ],
)
@pytest.mark.parametrize("unit", UNITS)
def test_what_both_programs_rely_on(unit: str, name: str, values: list[str]) -> None:
    """Readiness, watchdog, restarts without end, a private state directory; nothing without a site file."""
    assert settings(unit, name) == values


@pytest.mark.parametrize(
    ("unit", "name", "values"),
    [
        (AGENT, "ExecStart", [f"{PROGRAM} run /etc/plantgate/site.toml"]),
        (AGENT, "ExecReload", ["/bin/sh -c 'kill -HUP $MAINPID'"]),
        (AGENT, "User", ["plantgate"]),
        (AGENT, "StateDirectory", ["plantgate"]),
        (AGENT, "Environment", ["BOOT_ID=%b"]),
        (AGENT, "LoadCredential", ["signing-key:/etc/plantgate/record.key"]),
        (AGENT, "RuntimeDirectoryPreserve", ["yes"]),
        (PANEL, "ExecStart", [f"{PROGRAM} panel serve %d/site.toml"]),
        (PANEL, "User", ["plantgate-panel"]),
        (PANEL, "StateDirectory", ["plantgate-panel"]),
        (PANEL, "LoadCredential", ["site.toml:/etc/plantgate/site.toml"]),
    ],
)
def test_what_each_program_relies_on(unit: str, name: str, values: list[str]) -> None:
    """Each has its own user and directory; the agent the key, the panel a copy of the site file."""
    assert settings(unit, name) == values


def test_the_panel_reaches_the_door_and_nothing_else() -> None:
    """The door's directory has the group plantgate-door, the panel has it as well, and no other of the agent's."""
    assert settings(AGENT, "RuntimeDirectory") == ["plantgate"]
    assert settings(AGENT, "RuntimeDirectoryMode") == ["0750"]
    assert settings(AGENT, "Group") == settings(PANEL, "SupplementaryGroups") == ["plantgate-door"]
    assert "/var/lib/plantgate" in settings(PANEL, "InaccessiblePaths")[0]


@pytest.mark.parametrize("name", ["ProcSubset", "PrivateDevices", "PrivateUsers", "DynamicUser"])
@pytest.mark.parametrize("unit", UNITS)
def test_traps_that_are_not_stepped_into(unit: str, name: str) -> None:
    """Settings that look tighter and break things: no boot id, no serial ports or lamps, no groups, a moving owner."""
    assert settings(unit, name) == []


def test_serial_drivers_are_loaded_before_their_devices_are_allowed() -> None:
    """DeviceAllow= groups are resolved at start: a driver that comes later would be denied."""
    modules = {f"modprobe@{name}.service" for name in ("usbserial", "cdc_acm")}

    assert modules <= set(" ".join(settings(AGENT, "Wants")).split())
    assert modules <= set(" ".join(settings(AGENT, "After")).split())
    assert {"char-ttyUSB rw", "char-ttyACM rw"} <= set(settings(AGENT, "DeviceAllow"))


def test_only_serial_devices_are_allowed() -> None:
    """The agent gets no other kind of device, the panel none but the lamps of an annunciator."""
    assert all(value.startswith("char-tty") for value in settings(AGENT, "DeviceAllow"))
    assert settings(PANEL, "DeviceAllow") == ["char-gpiochip rw"]


def test_time_is_not_waited_for() -> None:
    """A plant is measured from the first second; records say how good the clock is."""
    waits = [value for name in ("After", "Wants", "Requires") for unit in UNITS for value in settings(unit, name)]

    assert "time-sync.target" not in " ".join(waits)


@pytest.mark.parametrize("unit", UNITS)
def test_every_group_of_settings_says_why(unit: str) -> None:
    """No setting without a reason: each block of settings has a comment above its first line."""
    without = []
    explained = False
    for line in lines(unit):
        if line.startswith("#"):
            explained = True
        elif not line or line.startswith("["):
            explained = False
        elif (
            not explained and line != "WantedBy=multi-user.target" and not line.startswith(("Description=", "Documen"))
        ):
            without.append(line)

    assert without == []


def test_users_of_the_units_are_made() -> None:
    """Every user and group a unit names is in plantgate.sysusers, or is the system's."""
    made = {line.split()[1] for line in lines("plantgate.sysusers") if line.startswith(("u ", "g "))}
    named = {
        word
        for unit in UNITS
        for name in ("User", "Group", "SupplementaryGroups")
        for value in settings(unit, name)
        for word in value.split()
    }

    assert named - made == {"dialout"}
