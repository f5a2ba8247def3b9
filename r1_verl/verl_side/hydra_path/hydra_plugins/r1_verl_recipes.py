"""Hydra imports every module of the namespace package `hydra_plugins` and finds this plugin by its base class."""

from hydra.plugins.search_path_plugin import SearchPathPlugin


class R1VerlSearchPath(SearchPathPlugin):
    """Our recipes on every application's search path: `--config-name tinyzero_ppo` from any folder."""

    def manipulate_search_path(self, search_path) -> None:
        search_path.append(provider="r1_verl", path="pkg://r1_verl.recipes")
