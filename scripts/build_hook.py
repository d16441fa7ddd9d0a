"""Puts the wheel of the chat into that of hapiish, for `hapiish new --chat`; hatchling calls this for every wheel.

Without the chat's sources, as in the image of deploy/Dockerfile, the wheel is built without it.
"""

import tempfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilder

NAME = "hapiish_chat"
TARGET = "hapiish/cli/templates/wheels"


class ChatWheelHook(BuildHookInterface[Any]):
    """Builds the chat's wheel in a temporary folder that lasts until hapiish's wheel is written."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the chat's wheel to the files of a wheel that is not editable."""
        package_chat = Path(self.root, "scripts", "package-chat")
        if version == "editable" or not package_chat.is_file():
            return
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        _loaded(package_chat).lay_out(folder, NAME)
        for wheel in WheelBuilder(str(folder)).build(directory=str(folder / "dist")):
            build_data["force_include"][wheel] = f"{TARGET}/{Path(wheel).name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes the temporary folder."""
        if hasattr(self, "folder"):
            self.folder.cleanup()


def _loaded(script: Path) -> ModuleType:
    loader = SourceFileLoader("package_chat", str(script))
    module = module_from_spec(spec_from_loader("package_chat", loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    return module
