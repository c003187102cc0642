"""The device library as one site uses it: its own folder first, each model read once.

What is wrong with a model is a mistake on the line that names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.problem import instead
from drivers import library

if TYPE_CHECKING:
    from pathlib import Path

    from config.entry import Entry
    from config.findings import Findings
    from config.schema import DeviceTable, GatewayTable
    from drivers.model import Model

_WHERE = "plantgate models lists those there are"


class Models:
    """Finds the models that devices name. `folders` are the site's own."""

    def __init__(self, folders: tuple[Path, ...], findings: Findings) -> None:
        self._folders = folders
        self._findings = findings
        self._found: dict[str, Model | None] = {}

    def of(self, device: Entry[DeviceTable]) -> Model | None:
        """Return the model that the device names, if it names one and that can be used."""
        name = device.table.model if device.given("model") else None
        if name is None:
            return None
        return self._found[name] if name in self._found else self._read(name, device)

    def _read(self, name: str, device: Entry[DeviceTable]) -> Model | None:
        try:
            self._found[name] = _tested(library.find(name, self._folders))
        except library.NoSuchModel:
            near = instead(name, library.names(self._folders), what="there are")
            hint = near if near.startswith("did you mean") else _WHERE
            self._findings.mistake(
                device.at("model"), device.where, "model: there is no such model", value=name, hint=hint
            )
        except library.ModelProblems as refused:
            self._found[name] = None  # said once, however many devices name it
            for problem in refused.problems:
                hint = f"mend {name}.toml in the folder of models"
                self._findings.mistake(device.at("model"), device.where, f"model: {problem}", hint=hint)
        return self._found.get(name)


def _tested(model: Model) -> Model:
    """Return the model unless it fails its lint. Our own passed theirs before they came here."""
    problems = () if model.path.parent == library.BUILT_IN else library.lint(model)
    if problems:
        raise library.ModelProblems(problems)
    return model


def own_folders(gateway: Entry[GatewayTable] | None, root: Path, findings: Findings) -> tuple[Path, ...]:
    """Return the folder of models that the site brings along, if it does. A relative path counts from `root`."""
    if gateway is None or not gateway.given("models") or gateway.table.models is None:
        return ()
    folder = root / gateway.table.models
    try:
        is_there = folder.is_dir()
    except (OSError, ValueError):
        is_there = False
    if not is_there:
        what, hint = "models: there is no such folder", f"looked for {folder}; relative paths count from the site file"
        findings.mistake(gateway.at("models"), gateway.where, what, value=gateway.table.models, hint=hint)
        return ()
    return (folder,)
