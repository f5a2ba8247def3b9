"""veRL's length filter: off where no prompt can be too long, else with more workers.

veRL 0.9.1 renders and tokenizes every prompt at each start to leave out those over data.max_prompt_length
(utils/dataset/rl_dataset.py), by default in one process: minutes for TinyZero's 327,680 rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1_verl import doctor
from r1_verl.data.parallel import usable_cpus
from r1_verl.data.rendering import TemplateError, render
from r1_verl.data.write import read_provenance

ROWS_A_WORKER = 10_000
# Settings of `data` with which a prompt is longer than its messages and the template tell.
_UNKNOWN = ("apply_chat_template_kwargs", "tool_config_path", "function_tool_path")
_SHORT, _LONG = "x", 'a "b" \\ <c>\n{d} é' * 10


def overrides(config: Any) -> list[str]:
    """Settings of veRL's filter for a recipe whose data files are there; [] where its own do."""
    files = [
        Path(file).expanduser()
        for key in ("train_files", "val_files")
        for file in doctor.data_file.data_files(config, key)
    ]
    if not config.data.filter_overlong_prompts or not all(file.is_file() for file in files):
        return []
    longest = most_tokens(config, files)
    if longest is not None and longest <= config.data.max_prompt_length:
        return ["data.filter_overlong_prompts=False"]
    if any(file.suffix != ".parquet" for file in files):
        return []
    import pyarrow.parquet as pq

    rows = sum(pq.read_metadata(file).num_rows for file in files)
    workers = min(usable_cpus(), rows // ROWS_A_WORKER)
    more = workers > (config.data.filter_overlong_prompts_workers or 1)
    return [f"data.filter_overlong_prompts_workers={workers}"] if more else []


def most_tokens(config: Any, files: Sequence[Path]) -> int | None:
    """A number of tokens that no prompt of these files exceeds; None where that cannot be told.

    It is the longest prompt's bytes, from the files' provenance, and what the chat template adds: a token is at least
    one byte.
    """
    model = doctor.model.model_of(config)
    template = config.actor_rollout_ref.model.custom_chat_template or model.template()
    if template is None or "strftime" in template or any(config.data.get(key) for key in _UNKNOWN):
        return None
    most = 0
    for file in files:
        try:
            record = read_provenance(file)
            added = max(added_bytes(template, roles, model.tokens()) for roles in record["roles"])
            most = max(most, record["longest_prompt_bytes"] + added)
        except (KeyError, TypeError, ValueError):  # of an earlier version, somebody else's, or no plain Jinja
            return None
    return most


def added_bytes(template: str, roles: Sequence[str], tokens: Mapping[str, str]) -> int:
    """The bytes that a chat template adds to messages of these roles, at most.

    Raises TemplateError if it refuses them, or if what it adds grows with the messages' own text.
    """
    short, long = (_added(template, roles, text, tokens) for text in (_SHORT, _LONG))
    if long > short:
        raise TemplateError("it repeats or escapes the messages")
    return short


def _added(template: str, roles: Sequence[str], text: str, tokens: Mapping[str, str]) -> int:
    whole = render([{"role": role, "content": text} for role in roles], template, tokens)
    return len(whole.encode()) - len(roles) * len(text.encode())
