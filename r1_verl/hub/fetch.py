"""Fetch models of the hub: small files for the preflight; whole models, once, before veRL's processes ask for them.

The hub's own client does the work (its cache, its locks, its retries). This module first asks the hub what there is, so
that a hub without an answer, a wrong name or a full disk is one line. The client reads HF_ENDPOINT, HF_HOME, HF_TOKEN
and HF_HUB_OFFLINE.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from r1_verl.hub import model_files
from r1_verl.hub.model_files import SMALL
from r1_verl.runs import RunError

_SECONDS = 5.0  # to wait for the hub's first answer


class FetchError(RunError):
    """A model can't be fetched."""


def is_local(name: str) -> bool:
    """Whether a name is a folder's (which may be missing), or of a kind that veRL fetches by other means, as hdfs://."""
    return name.startswith(("/", "./", "../", "~", "models/")) or "://" in name or Path(name).is_dir()


def offline() -> bool:
    """Whether HF_HUB_OFFLINE, or TRANSFORMERS_OFFLINE, forbids asking the hub."""
    return (os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or "").upper() in (
        "1", "ON", "YES", "TRUE",
    )  # fmt: skip


def cached(name: str, files: Iterable[str]) -> dict[str, Path]:
    """Those of a hub model's files that the hub's cache has."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = {file: try_to_load_from_cache(name, file) for file in files}
    except HFValidationError:
        return {}
    return {file: Path(path) for file, path in found.items() if isinstance(path, str)}


def small_files(name: str) -> dict[str, Path]:
    """A hub model's files of some kilobytes, by name; those that the hub's cache lacks are downloaded first.

    The hub is asked once: the cache also remembers that a model has no such file. Raises FetchError if config.json
    can't be fetched; if the cache has it, a hub that does not answer is no error.
    """
    from huggingface_hub import try_to_load_from_cache

    try:
        unknown = [file for file in SMALL if try_to_load_from_cache(name, file) is None]
        if unknown and offline():
            raise _offline(name)
        if unknown:
            _fetch_small(name, unknown)
    except Exception as error:  # whatever a network or a disk can do
        if "config.json" not in cached(name, SMALL):
            raise _explained(name, error) from error
    return cached(name, SMALL)


def _fetch_small(name: str, files: list[str]) -> None:
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    # Asked first: this call waits for five seconds, a download tries again for half a minute.
    _check_names(name, [file.rfilename for file in HfApi().model_info(name, timeout=_SECONDS).siblings or ()])
    shown = not are_progress_bars_disabled()
    if shown:
        disable_progress_bars()
    try:
        for file in files:
            with contextlib.suppress(RemoteEntryNotFoundError):  # the client leaves a mark of it in its cache
                hf_hub_download(name, file, etag_timeout=_SECONDS)
    finally:
        if shown:
            enable_progress_bars()


def whole_model(name: str) -> Path:
    """The folder of a model: a local one as it is; a hub model's in the hub's cache, downloaded first unless complete.

    Prints what it downloads. After an interruption the next call downloads the files that are still missing. Raises
    FetchError.
    """
    if is_local(name):
        folder = Path(name).expanduser()
        if "://" not in name and not folder.is_dir():
            raise FetchError(
                f"the model folder {name} is not on this machine ({os.uname().nodename})",
                "copy it to the same place on every node, or a disk that all nodes share",
            )
        return folder
    try:
        return _whole_in_the_cache(name) or _fetch(name)
    except FetchError:
        raise
    except Exception as error:  # whatever a network or a disk can do, as one line
        raise _explained(name, error) from error


def _whole_in_the_cache(name: str) -> Path | None:
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    there = cached(name, ["config.json"])
    if not there:
        return None
    folder = there["config.json"].parent
    try:  # the list of files that a download leaves
        wanted = model_files.wanted([file.path for file in get_cached_repo_tree(name)])
    except CachedRepoTreeNotFoundError:
        wanted = []
    return folder if all((folder / file).exists() for file in wanted) and not model_files.lacking(folder) else None


def _fetch(name: str) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download, try_to_load_from_cache

    if offline():
        raise _offline(name, ", or not all of it")
    info = HfApi().model_info(name, files_metadata=True, timeout=_SECONDS)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    _check_names(name, list(sizes))
    wanted = model_files.wanted(sizes)
    missing = [file for file in wanted if not isinstance(try_to_load_from_cache(name, file, revision=info.sha), str)]
    size = sum(sizes[file] for file in missing)
    cache = Path(constants.HF_HUB_CACHE)
    there = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if size > free:
        raise _full(f"{name} takes {_bytes(size)} in the hub's cache, {cache} has {_bytes(free)} free")
    print(f"Fetching {name} from {constants.ENDPOINT}: {len(missing)} files, {_bytes(size)}, into {cache}", flush=True)
    folder = Path(snapshot_download(name, ignore_patterns=sorted(set(sizes) - set(wanted)) or None))
    if lacks := model_files.lacking(folder):
        raise FetchError(f"{name} was fetched to {folder} and lacks {lacks}", "MODEL=another one")
    return folder


def _check_names(name: str, names: list[str]) -> None:
    if lacks := "config.json" if "config.json" not in names else model_files.lacking_of(names):
        raise FetchError(f"the hub's {name} lacks {lacks}", "MODEL=a repository of a whole model in transformers' form")


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _offline(name: str, more: str = "") -> FetchError:
    return FetchError(
        f"HF_HUB_OFFLINE=1, and {name} is not in the hub's cache{more}",
        "MODEL=a local folder, HF_HOME=the cache that has it, or unset HF_HUB_OFFLINE",
    )


def _full(what: str) -> FetchError:
    return FetchError(what, "free some space, or HF_HOME=a folder on a larger disk")


def _explained(name: str, error: Exception) -> FetchError:
    """An error of the hub's client as one line with its fix."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    if isinstance(error, FetchError):
        return error
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return _explained(name, error.__cause__)  # the client's "and it is not in the cache either"
    hub, said = constants.ENDPOINT, " ".join(str(error).split()).partition(" For more information")[0]
    if isinstance(error, HFValidationError):
        return FetchError(
            f"{name!r} is neither a folder nor a name of the hub's form",
            "MODEL=a folder with a config.json, or owner/name",
        )
    if isinstance(error, GatedRepoError):
        return FetchError(
            f"{name} is gated: the hub gives it to those who accepted its terms",
            f"accept them at {hub}/{name}, then HF_TOKEN=a token of that account",
        )
    if isinstance(error, RepositoryNotFoundError):
        return FetchError(
            f"{hub} has no model {name}, or it is private",
            "MODEL=the right name (owner/name), a local folder, or HF_TOKEN=a token that may read it",
        )
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return FetchError(
            f"{hub} refuses {name} with status {error.response.status_code} ({said:.150})",
            "HF_TOKEN=a valid token that may read it, or unset HF_TOKEN",
        )
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left" in said:
        return _full(f"no space left for {name} in the hub's cache {constants.HF_HUB_CACHE}")
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS):
        return FetchError(f"the hub's cache {constants.HF_HUB_CACHE} can't be written ({said:.100})", "HF_HOME=another")
    return FetchError(
        f"{name} can't be fetched from {hub} ({type(error).__name__}: {said:.200})",
        "the network or HTTPS_PROXY, HF_ENDPOINT=a mirror, or MODEL=a local folder; the same command goes on with what "
        "is missing",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Download whole models into the hub's cache (HF_HOME), for a machine without network later."
    parser.epilog = "example:\n  HF_HOME=/shared/hub r1-verl fetch Qwen/Qwen2.5-1.5B Qwen/Qwen2.5-Math-7B"
    parser.add_argument("model", metavar="MODEL", nargs="+", help="owner/name, or a folder to be looked for")


def run(args: argparse.Namespace) -> int:
    for name in args.model:
        print(whole_model(name))
    return 0
