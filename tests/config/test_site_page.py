"""The page docs/site.md is complete and true: every key, with the default and an example that the schema accepts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from config import schema
from config.tables import REPEATED, SINGLE

PAGE = (Path(__file__).parent.parent.parent / "docs" / "site.md").read_text(encoding="utf-8")

SECTIONS: dict[str, type[schema.SiteTable]] = {
    "`[gateway]`": schema.GatewayTable,
    "`[uplink.mqtt]`": schema.MqttTable,
    "`[buffer]`": schema.BufferTable,
    "`[panel]`": schema.PanelTable,
    "`[annunciator]`": schema.AnnunciatorTable,
    "`[[bus]]`, type `tcp`": schema.TcpBusTable,
    "`[[bus]]`, type `serial`": schema.SerialBusTable,
    "`[[device]]`": schema.DeviceTable,
    "`[[device.point]]`": schema.ModbusPointTable,
    "`[[device.point]]` of DL/T 645 meters": schema.Dlt645PointTable,
    "`[[device.point]]` of HJ 212 instruments": schema.Hj212PointTable,
    "`[[device.point]]` of ASCII instruments": schema.AsciiPointTable,
    "`[[limit]]`": schema.LimitTable,
    "`[[derived]]`": schema.DerivedTable,
    "`[[facility]]`": schema.FacilityTable,
    "`[[line]]`": schema.LineTable,
    "`[[outlet]]`": schema.OutletTable,
    "`[[outlet.factor]]`": schema.FactorTable,
    "`[rules]`": schema.RulesTable,
    "`[[rule]]`": schema.RuleTable,
}


def rows(section: str) -> dict[str, list[str]]:
    """Return the rows of a section's table by key: meaning, type, default, example."""
    _, _, rest = PAGE.partition(f"## {section}\n")
    body = rest.split("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in body.split("\n") if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in cells}


def keys(model: type[schema.SiteTable]) -> set[str]:
    """Return the keys that a section must describe: of other protocols' points, only their own."""
    fields = {field.alias or name for name, field in model.model_fields.items()}
    is_other = issubclass(model, schema.PointTable) and model is not schema.ModbusPointTable
    return fields - set(schema.PointTable.model_fields) if is_other else fields


def attribute(model: type[schema.SiteTable], key: str) -> str:
    """Return the name of the field that a key fills."""
    return next(name for name, field in model.model_fields.items() if key in (name, field.alias))


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_describes_exactly_the_keys_of_its_table(section: str) -> None:
    """No key without a description, no description without a key."""
    assert set(rows(section)) == keys(SECTIONS[section])
    assert all(len(row) == 4 and len(row[0]) > 2 and row[1] for row in rows(section).values())


@pytest.mark.parametrize("section", SECTIONS)
def test_defaults_and_examples_are_true(section: str) -> None:
    """The default on the page is the one of the program, and the example is accepted."""
    model = SECTIONS[section]
    for key, (_, _, default, example) in rows(section).items():
        name = attribute(model, key)
        field = model.model_fields[name]
        table = model.model_construct()
        if not default:
            assert field.is_required(), key
        elif default == "-":
            assert field.get_default() is None, key
        else:
            setattr(table, name, tomllib.loads(f"x = {default.strip('`')}")["x"])

            assert getattr(table, name) == field.get_default(), key
        setattr(table, name, tomllib.loads(f"x = {example.strip('`')}")["x"])


def test_every_table_has_a_section() -> None:
    """A table that the program reads is on the page."""
    headers = set(re.findall(r"^## `\[+([a-z0-9.]+)\]+`", PAGE, re.MULTILINE))

    assert headers == {*SINGLE, *REPEATED, "uplink.mqtt", "device.point", "outlet.factor"}
