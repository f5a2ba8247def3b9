"""Models of the hub: asked once, fetched once, and each way it can fail is one line with its fix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_hub import COMMIT, Hub
from probes import can_mount

from r1_verl import cli

pytestmark = pytest.mark.long  # a process each: the hub's library reads its settings once

NAME = "owner/tiny"
FILES = {
    "config.json": '{"hidden_size": 8}',
    "generation_config.json": '{"eos_token_id": 1}',
    "tokenizer_config.json": '{"eos_token": "."}',
    "tokenizer.json": '{"model": {}}',
    "README.md": "# Tiny",
    "model-00001-of-00002.safetensors": "a" * 300_000,
    "model-00002-of-00002.safetensors": "b" * 200_000,
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"x": "model-00001-of-00002.safetensors", "y": "model-00002-of-00002.safetensors"}}
    ),
    "pytorch_model.bin": "c" * 500_000,
    "original/consolidated.00.pth": "d" * 500_000,
    "tiny.Q4.gguf": "e" * 500_000,
}
LEFT_OUT = {"pytorch_model.bin", "original/consolidated.00.pth", "tiny.Q4.gguf"}
_PROGRAM = """
import sys
from r1_verl.hub import fetch
try:
    print(fetch.{what}({name!r}))
except fetch.FetchError as error:
    print("ERROR", error.what, "|", error.fix)
"""


@pytest.fixture
def hub(tmp_path):
    write(tmp_path / "tiny", FILES)
    with Hub({NAME: tmp_path / "tiny"}).running() as hub:
        yield hub


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def ask(tmp_path):
    """Call a function of fetch.py in a process of its own: the hub's client reads the environment once."""

    def call(what: str, hub: Hub | str, name: str = NAME, prefix: tuple[str, ...] = (), **env: str) -> str:
        url = hub if isinstance(hub, str) else hub.url
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        done = subprocess.run(
            [*prefix, sys.executable, "-c", _PROGRAM.format(what=what, name=name)],
            env={**mine, "HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "home"), **env},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        assert "Traceback" not in done.stderr
        return done.stdout.strip()

    return call


DOWN = "http://127.0.0.1:9"  # nobody listens


def test_small_files_are_fetched_once(hub, ask):
    found = ask("small_files", hub)
    assert f"snapshots/{COMMIT}/config.json" in found and "generation_config.json" in found
    assert {line.rpartition("/")[2] for line in hub.fetched()} == {
        "config.json", "generation_config.json", "tokenizer_config.json",
    }  # fmt: skip
    hub.asked.clear()
    assert ask("small_files", hub) == found
    assert hub.asked == []  # nor for the chat_template.jinja that it does not have
    assert ask("small_files", DOWN) == found == ask("small_files", DOWN, HF_HUB_OFFLINE="1")


def test_a_whole_model_is_fetched_once(hub, ask):
    said = ask("whole_model", hub).splitlines()
    assert said[0].startswith(f"Fetching {NAME} from {hub.url}: 8 files, 0.5 MB, into ")
    folder = Path(said[1])
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == FILES.keys() - LEFT_OUT
    assert all((folder / name).read_text() == FILES[name] for name in there)
    hub.asked.clear()
    assert ask("whole_model", hub) == str(folder) and hub.asked == []
    assert ask("whole_model", hub, HF_HUB_OFFLINE="1") == str(folder) == ask("whole_model", DOWN)


def test_what_is_there_is_not_fetched_again(hub, ask):
    ask("small_files", hub)
    hub.asked.clear()
    assert "5 files, 0.5 MB" in ask("whole_model", hub)
    assert not hub.fetched("config.json")


def test_bin_where_there_is_nothing_else(hub, ask, tmp_path):
    whole = {"config.json", "tokenizer.json", "pytorch_model.bin", "tiny.Q4.gguf"}
    hub.models["owner/old"] = write(tmp_path / "old", {name: FILES[name] for name in whole})
    folder = Path(ask("whole_model", hub, name="owner/old").splitlines()[-1])
    assert {path.name for path in folder.iterdir()} == whole - {"tiny.Q4.gguf"}


def test_a_broken_connection_goes_on_where_it_was(hub, ask):
    """The client writes pieces of 10 MiB: it goes on after the last whole one."""
    part = "model-00001-of-00002.safetensors"
    (hub.models[NAME] / part).write_bytes(bytes(range(256)) * 50_000)
    hub.drop[part] = [12_000_000]
    folder = Path(ask("whole_model", hub).splitlines()[-1])
    assert (folder / part).read_bytes() == bytes(range(256)) * 50_000
    assert [line.partition(part)[2] for line in hub.fetched(part)] == ["", f" bytes={10 * 2**20}-"]


def test_an_interrupted_download_goes_on_with_the_next_file(hub, ask):
    """The client keeps no half of a file (huggingface_hub 1.33): what was whole stays."""
    part = "model-00002-of-00002.safetensors"
    hub.broken[part] = 410
    said = ask("whole_model", hub)
    assert "ERROR owner/tiny can't be fetched from" in said and "the same command goes on with what is missing" in said
    # neither is half a model taken for a whole one
    assert "HF_HUB_OFFLINE=1, and owner/tiny is not in the hub's cache" in ask("whole_model", hub, HF_HUB_OFFLINE="1")
    before = set(hub.fetched())
    hub.broken.clear(), hub.asked.clear()
    folder = Path(ask("whole_model", hub).splitlines()[-1])
    assert (folder / part).read_text() == FILES[part] and hub.fetched(part) and not before & set(hub.fetched())


@pytest.mark.parametrize("what", ["small_files", "whole_model"])
class TestNotToBeHad:
    def test_a_name_that_the_hub_lacks(self, hub, ask, what):
        said = ask(what, hub, name="owner/tinny")
        assert f"ERROR {hub.url} has no model owner/tinny, or it is private | MODEL=the right name" in said

    def test_a_private_model(self, hub, ask, what):
        hub.refuse[NAME] = (401, "RepoNotFound")
        assert "or HF_TOKEN=a token that may read it" in ask(what, hub)

    def test_a_gated_model(self, hub, ask, what):
        hub.gated.add(NAME)
        said = ask(what, hub)
        assert f"{NAME} is gated: the hub gives it to those who accepted its terms | accept them at {hub.url}" in said

    def test_a_token_that_is_not_valid(self, hub, ask, what):
        hub.refuse[NAME] = (403, "")
        assert "refuses owner/tiny with status 403" in ask(what, hub, HF_TOKEN="hf_wrong")

    def test_a_hub_that_is_down(self, ask, what):
        said = ask(what, DOWN)
        assert f"ERROR {NAME} can't be fetched from {DOWN} (ConnectError:" in said
        assert "HTTPS_PROXY, HF_ENDPOINT=a mirror, or MODEL=a local folder" in said

    def test_a_hub_that_fails(self, hub, ask, what):
        hub.refuse[NAME] = (503, "")
        assert "503" in ask(what, hub)

    def test_a_page_of_a_proxy_instead_of_the_hub(self, hub, ask, what):
        hub.login = True
        assert f"ERROR {NAME} can't be fetched from {hub.url} (JSONDecodeError: " in ask(what, hub)

    def test_what_is_no_name(self, hub, ask, what):
        said = ask(what, hub, "runs/x/model")
        assert "ERROR 'runs/x/model' is neither a folder nor a name of the hub's form |" in said

    def test_a_file_that_does_not_come(self, hub, ask, what):
        hub.broken["config.json"] = 410
        said = ask(what, hub)
        assert f"ERROR {NAME} can't be fetched from {hub.url} (HfHubHTTPError: Client error '410 Gone'" in said

    def test_a_model_that_is_not_there_offline(self, hub, ask, what):
        said = ask(what, hub, HF_HUB_OFFLINE="1")
        assert said.startswith(f"ERROR HF_HUB_OFFLINE=1, and {NAME} is not in the hub's cache")
        assert "MODEL=a local folder, HF_HOME=the cache that has it, or unset HF_HUB_OFFLINE" in said
        assert hub.asked == []

    @pytest.mark.parametrize(
        ("left", "lacks"),
        [
            ({"config.json", "tokenizer.json", "tiny.Q4.gguf"}, "weights (.safetensors or .bin)"),
            ({"config.json", "pytorch_model.bin"}, "a tokenizer (tokenizer.json, vocab.json or tokenizer.model)"),
            ({"tokenizer.json", "pytorch_model.bin"}, "config.json"),
        ],
    )
    def test_a_repository_of_something_else(self, hub, ask, tmp_path, what, left, lacks):
        hub.models["owner/part"] = write(tmp_path / "part", {name: FILES[name] for name in left})
        assert f"ERROR the hub's owner/part lacks {lacks} |" in ask(what, hub, name="owner/part")


def test_a_disk_that_is_too_small(hub, ask, tmp_path):
    if not can_mount():
        pytest.skip("unshare -rm is not permitted here: no small file system")
    home = tmp_path / "home"
    home.mkdir()
    mount = ("unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size=400k tmpfs {home} && exec "$@"', "sh")
    said = ask("whole_model", hub, prefix=mount)
    assert f"ERROR {NAME} takes 0.5 MB in the hub's cache, {home}/hub has 0.4 MB free" in said
    assert "HF_HOME=a folder on a larger disk" in said and hub.fetched() == []


def test_a_disk_that_fills_meanwhile(hub, ask, tmp_path):
    """Files whose size the hub does not tell."""
    if not can_mount():
        pytest.skip("unshare -rm is not permitted here: no small file system")
    home = tmp_path / "home"
    home.mkdir()
    mount = ("unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size=400k tmpfs {home} && exec "$@"', "sh")
    hub.hide_sizes = True
    assert f"ERROR no space left for {NAME} in the hub's cache {home}/hub" in ask("whole_model", hub, prefix=mount)


def test_local_folders_are_left_alone(ask, tmp_path, capsys):
    folder = write(tmp_path / "mine", {"config.json": "{}"})
    assert cli.main(["fetch", str(folder)]) == 0 and capsys.readouterr().out.strip() == str(folder)
    assert ask("whole_model", DOWN, name=str(folder)) == str(folder)
    said = ask("whole_model", DOWN, name="models/nowhere")
    assert said.startswith("ERROR the model folder models/nowhere is not on this machine (")
    assert ask("whole_model", DOWN, name="hdfs://there/model")  # veRL's own
