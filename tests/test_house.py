"""The rules of the house: who may import whom, and what must be documented."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from agent.cli.main import VERBS, application

ROOT = Path(__file__).parent.parent
OURS = ("agent", "buffer", "config", "drivers")
MODULES = sorted(path for room in OURS for path in (ROOT / room).rglob("*.py"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of a file."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports_of(path: Path) -> set[str]:
    """Return the dotted names that a file imports, ``from a import b`` as both a and a.b."""
    found: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def named(path: Path) -> str:
    """Return the dotted module name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def importers_of(package: str) -> set[str]:
    """Return our modules that import `package` or something in it."""
    return {
        named(path)
        for path in MODULES
        if any(name == package or name.startswith(f"{package}.") for name in imports_of(path))
    }


@pytest.mark.parametrize(
    ("room", "may"),
    [("drivers", {"drivers"}), ("buffer", {"buffer"}), ("config", {"config", "drivers"}), ("agent", set(OURS))],
)
def test_rooms_import_only_downwards(room: str, may: set[str]) -> None:
    """Data flows one way: a room imports only the rooms below it."""
    wrong = {
        (named(path), name)
        for path in MODULES
        if named(path).split(".")[0] == room
        for name in imports_of(path)
        if name.split(".")[0] in set(OURS) - may
    }

    assert not wrong


def test_config_knows_only_the_nouns_and_pure_parts_of_drivers() -> None:
    """`config` describes instruments; it cannot open a connection to one."""
    allowed = ("spec", "reading", "model", "library", "registers", "plan", "cost", "dlt645.items", "hj212.uploads")
    wrong = {
        (named(path), name)
        for path in (ROOT / "config").rglob("*.py")
        for name in imports_of(path)
        if name.startswith("drivers.") and not f"{name}.".startswith(tuple(f"drivers.{one}." for one in allowed))
    }

    assert not wrong


@pytest.mark.parametrize(
    ("package", "only"),
    [
        ("paho", {"agent.uplink.mqtt"}),
        ("serial", {"drivers.serial_port"}),
        ("minimalmodbus", {"drivers.modbus_serial"}),
        ("time", {"agent.clock", "drivers.sim.__main__"}),
        ("sqlite3", {"buffer"}),
        ("pydantic", {"config"}),
        ("amqtt", {"agent.cli"}),
        ("rich", {"agent.cli"}),
        ("typer", {"agent.cli"}),
        ("starlette", {"agent.panel"}),
        ("jinja2", {"agent.panel.page"}),
        ("uvicorn", {"agent.panel.gate"}),
    ],
)
def test_each_foreign_thing_has_one_door(package: str, only: set[str]) -> None:
    """A library that shapes its users is imported in one place (a module or a room)."""
    found = importers_of(package)

    assert found, f"nobody imports {package}: take the row away"
    assert not {name for name in found if not any(name == door or name.startswith(f"{door}.") for door in only)}


def test_the_verifier_stands_alone() -> None:
    """A platform operator can take `agent.verify` and `agent.record` and nothing else."""
    for path in (ROOT / "agent" / "verify").rglob("*.py"):
        ours = {name for name in imports_of(path) if name.split(".")[0] in OURS}

        assert all(name.startswith(("agent.verify", "agent.record", "agent.keys")) for name in ours), named(path)


def test_the_agent_does_not_carry_what_only_verbs_need() -> None:
    """The process that stays for a year imports neither what reads site files nor what draws on terminals."""
    others = {"pydantic", "rich", "typer", "amqtt", "starlette", "uvicorn", "jinja2", "gpiozero", "agent.panel"}

    assert carried("agent.assemble", others) == set()


def test_the_panel_owns_nothing() -> None:
    """The panel's process has neither a way to the store nor one to the key, a broker or an instrument."""
    assert carried("agent.panel.serve", {"buffer", "sqlite3", "agent.keys", "paho", "serial", "pymodbus"}) == set()


def carried(module: str, others: set[str]) -> set[str]:
    """Return which of `others` a process has that imports `module`."""
    program = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return others & set(json.loads(done.stdout))


def test_only_the_command_line_imports_the_assembler() -> None:
    """One place knows every room, and nobody calls it but the command line."""
    assert all(name.startswith("agent.cli") for name in importers_of("agent.assemble"))


def test_no_file_is_too_long_and_no_function_either() -> None:
    """Files stay under 450 lines, functions under 60."""
    long_files = [named(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 450]
    long_functions = [
        f"{named(path)}.{node.name}"
        for path in MODULES
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]

    assert long_files == []
    assert long_functions == []


def test_nothing_prints_but_the_command_line() -> None:
    """A thread of the agent logs; only a verb prints."""
    talkers = {
        named(path)
        for path in MODULES
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert {name for name in talkers if not name.startswith(("agent.cli", "drivers.sim.__main__"))} == set()


def test_no_code_can_encode_a_write() -> None:
    """Read-only by construction: no name of a Modbus write function appears in the product."""
    pattern = re.compile(r"write_(coil|register)s?\b|Write(Single|Multiple)|MaskWrite|ReadWriteMultiple")
    guilty = [named(path) for path in MODULES if pattern.search(path.read_text(encoding="utf-8"))]

    assert guilty == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_stands_in_the_readme(verb: str) -> None:
    """Each verb says when to use it, and the README names it."""
    command = get_command(application([verb])).commands[verb]  # type: ignore[attr-defined]

    assert len(command.help or "") > 40
    assert f"plantgate {verb}" in (ROOT / "README.md").read_text(encoding="utf-8")
