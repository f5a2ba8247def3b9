"""The versions that the recipes were proved on, as this package's own metadata pins them."""

from __future__ import annotations

import importlib.metadata
from functools import cache


@cache
def pins() -> dict[str, str]:
    """Each package that r1-verl requires in one version, with that version; {} if r1-verl is not installed."""
    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in importlib.metadata.requires("r1-verl") or ()]
    except importlib.metadata.PackageNotFoundError:
        return {}
    return {each.name: spec.version for each in requirements for spec in each.specifier if spec.operator == "=="}
