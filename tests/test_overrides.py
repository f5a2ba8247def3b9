"""The overrides that we write ourselves reach Hydra as they were meant, whatever characters a path or a name has."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from r1_verl.recipes.overrides import override

STRANGE = (
    "/m/step=100", "/r (1)", "a, b", "[x]", "{x: y}", "o'neill", '"quoted"', "end\\", "mid\\'dle", "naïve-模型",
    "${oc.env:HOME}", "\\${x}", "#1", " led", "trail ", "", "null", "TRUE", "1", "1e5", "nan", "-inf", "007", "~x",
    "a:b", "50%", "@x", "a\tb", "a\nb", "a\\\n", "runs/../x", "x-1.5B_Instruct",
)  # fmt: skip


def read_back(value: object) -> object:
    """What a configuration holds after Hydra has parsed this override."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    parsed = OverridesParser.create().parse_override(override("++a.b", value))
    config = OmegaConf.create({})
    OmegaConf.update(config, parsed.key_or_group, parsed.value())
    return OmegaConf.to_container(config, resolve=True)["a"]["b"]


@pytest.mark.parametrize("text", STRANGE)
def test_a_string_stays_the_same_string(text):
    assert read_back(text) == text


def test_any_string_does():
    draw = random.Random(1)
    texts = [
        "".join(draw.choices("ab1 ='\"\\$${}[](),:é名\t#@*?~+-./\n%!|;&<>`", k=draw.randint(1, 8))) for _ in range(500)
    ]
    assert [text for text in texts if read_back(text) != text] == []


def test_other_values():
    for value in (7, 0.5, None, True, ["a b", "c=d"]):
        assert read_back(value) == value
    assert read_back(Path("/r (1)")) == "/r (1)"
    assert override("key", "/plain/path_1.x") == "key=/plain/path_1.x"  # what needs no quotes has none
