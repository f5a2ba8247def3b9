"""YAML files for Hydra that a process parses once: a recipe is composed of some thirty files of veRL's."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

_SCHEME = "parsed"


@cache
def scheme() -> str:
    """The word before :// of a folder on Hydra's search path whose files stay as they are until this process ends."""
    from hydra._internal.core_plugins.file_config_source import FileConfigSource
    from hydra.core.plugins import Plugins

    found: dict[tuple[str, str], bytes] = {}

    class Parsed(FileConfigSource):
        @staticmethod
        def scheme() -> str:
            return _SCHEME

        def load_config(self, config_path: str) -> Any:
            """A copy, because Hydra takes the defaults list out of what it gets."""
            file = self.path, config_path
            if file not in found:
                found[file] = pickle.dumps(super().load_config(config_path))
            return pickle.loads(found[file])

    Plugins.instance().register(Parsed)
    return _SCHEME
