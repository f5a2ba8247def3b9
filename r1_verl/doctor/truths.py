"""A check of ground truths: can the recipe's reward read them, and does it pay the right response to a row?

Looked at are the first rows, rows spread over the whole file, and rows whose ground truth looks like few others (a
null, an empty text, the number 42 among Countdown puzzles). A right response is judged by the strict reward.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from r1_verl import ground_truth
from r1_verl.data.gold import gold_response
from r1_verl.data.make import command
from r1_verl.doctor.data_file import columns, mapping, tables
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.reward import judging, ours, pays, wrong_task
from r1_verl.environments import registered
from r1_verl.reward import compute_score
from r1_verl.score import BAD_GROUND_TRUTH
from r1_verl.scorers import UnknownNameError

_FIRST, _SPREAD, _ODD = 100, 100, 60  # rows to look at
_LIKE = 12  # characters in which the ground truths of one task are alike, as {"numbers":[
_SOME, _MOST = 0.05, 0.5  # golds that fail: a published grader can't match a few; a doubt from the first share on
_MANY = 0.1  # of the rows without a readable ground truth: no slip in single rows any more
# What any scorer would look at: it says BAD_GROUND_TRUTH only of a response with an answer.
_ANSWER = "<think>\n</think>\n<answer>\\boxed{1}</answer>"


class Verdict(NamedTuple):
    """What the reward says of the right response to a row. outcome: "" for right, None where none is known."""

    row: int
    truth: Any
    response: str | None
    outcome: str | None


def check_truths(config: Any) -> Iterator[Problem]:
    """Ground truths that can't be read, of another task, or whose right response the reward does not pay."""
    if not ours(config):
        return
    looked_at: set[str] = set()  # one file may be there to train and to validate
    for key, file, found in tables(config):
        if _truths(found) is not None and file not in looked_at:
            looked_at.add(file)
            yield from _look(config, key, file, found)


def _look(config: Any, key: str, file: str, found: Any) -> Iterator[Problem]:
    prompt, source = columns(config)
    if source not in found.schema.names:
        return
    kept = found.select([name for name in found.schema.names if name != prompt])
    at = _chosen(kept, source)
    rows = dict(zip(at, kept.take(at).to_pylist(), strict=True))
    if problem := wrong_task(config, key, [(row[source], _truth(row)) for row in rows.values()]):
        yield problem
        return
    given = {name: value for name, value in judging(config).items() if name not in ("mode", "scale", "ladder")}
    name = pays(config).name if pays(config) else ""
    seen = [each for i, row in rows.items() if (each := _judge(i, row[source], row, name, given)) is not None]
    making = command(config, file) or "run the recipe's script, which makes it, or a script of data_prep/"
    if bad := [verdict for verdict in seen if verdict.outcome == BAD_GROUND_TRUTH]:
        even = set(_even(kept.num_rows)) & rows.keys()
        share = max(len(even & {each.row for each in bad}) / len(even), _empty(kept).true_count / kept.num_rows)
        none, number = _empty(kept).true_count, f"{len(bad)} of the {len(seen)} rows looked at"
        number = f"{none} of its {kept.num_rows} rows" if none else number
        yield Problem(
            f"data.{key}: {file}: a ground truth that can't be read: {bad[0].truth!r:.80} (row {bad[0].row}; "
            f"{number}): every response to such a row scores 0",
            f"{making}, or leave such rows out",
            doubt=share < _MANY,
        )
    elif wrong := [verdict for verdict in seen if verdict.outcome]:
        known = sum(verdict.outcome is not None for verdict in seen)
        if len(wrong) >= _SOME * known:
            first = wrong[0]
            yield Problem(
                f"data.{key}: {file}: the reward pays nothing for the right response to {len(wrong)} of {known} rows "
                f"(row {first.row}: ground truth {first.truth!r:.80}, response {first.response!r:.80}: "
                f"{first.outcome})",
                "ground truths in the reward's form (`r1-verl check FILE` says of each row what is wrong), or another "
                "reward: r1_verl.pays=NAME",
                doubt=len(wrong) < _MOST * known,
            )


def _judge(at: int, source: str, row: Mapping[str, Any], reward: str, given: Mapping[str, Any]) -> Verdict | None:
    """The strict verdict on the right response to a row; None if no reward can be found: other checks report that.

    reward: its name, "" for the data source's. given: the recipe's keywords.
    """
    truth, info = _truth(row), mapping(row.get("extra_info"))
    try:
        right = [info.get("gold"), gold_response(source, truth, reward)]
        responses = [text for text in right if isinstance(text, str) and text]
        for text in responses:
            opened = "</think>\n" if info.get("think_in_prompt") and "</think>" not in text else ""
            score = compute_score(source, opened + text, truth, info, **given)
            if score["acc"] == 1.0:
                return Verdict(at, truth, text, "")
        if responses:
            return Verdict(at, truth, responses[-1], score["outcome"])
        probe = "" if _is_foreign(truth) else _ANSWER
        outcome = compute_score(source, probe, truth, info, **given)["outcome"]
        return Verdict(at, truth, None, BAD_GROUND_TRUTH if outcome == BAD_GROUND_TRUTH or _torn(truth) else None)
    except UnknownNameError:
        return None


def _is_foreign(truth: Any) -> bool:
    """Whether a third party's environment judges the row: it is made, which shows whether it can read the row, but it
    is not played, because a step may hang."""
    try:
        return not registered(truth)[0].bounded
    except (ValueError, UnknownNameError):
        return False


def _torn(truth: Any) -> bool:
    return truth in (None, "") or (isinstance(truth, str) and truth[:1] == "{" and ground_truth.decode(truth) is None)


def _truth(row: Mapping[str, Any]) -> Any:
    return mapping(row.get("reward_model")).get("ground_truth")


def _truths(found: Any) -> Any:
    """The column of ground truths; None if there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "reward_model" not in found.schema.names:
        return None
    model = found["reward_model"]
    if not pa.types.is_struct(model.type) or model.type.get_field_index("ground_truth") < 0:
        return None
    return pc.struct_field(model, "ground_truth")


def _chosen(found: Any, source: str) -> list[int]:
    """The numbers of the rows to look at, in order."""
    import pyarrow.compute as pc

    count = found.num_rows
    sources = pc.unique(found[source]).to_pylist()
    chosen = {*range(min(_FIRST, count)), *_even(count)} | {pc.index(found[source], each).as_py() for each in sources}
    return sorted((chosen | set(_odd(found))) - {-1})


def _even(count: int) -> list[int]:
    return [count * i // _SPREAD for i in range(_SPREAD)]


def _empty(found: Any) -> Any:
    """For each row whether its ground truth is null or an empty text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    truths = _truths(found)
    empty = pc.is_null(truths)
    if pa.types.is_string(truths.type) or pa.types.is_large_string(truths.type):
        empty = pc.or_(empty, pc.fill_null(pc.equal(truths, ""), True))
    return empty.combine_chunks() if hasattr(empty, "combine_chunks") else empty


def _odd(found: Any) -> Sequence[int]:
    """Rows whose ground truth looks like few others: column by column, since there may be half a million of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    truths, odd = _truths(found), [_empty(found)]
    if pa.types.is_struct(truths.type):
        odd += [pc.is_null(pc.struct_field(truths, field.name)) for field in truths.type]
    rows = [at for each in odd for at in pc.indices_nonzero(each).to_pylist()[:_ODD]]
    if pa.types.is_string(truths.type) or pa.types.is_large_string(truths.type):
        rows += pc.indices_nonzero(pc.fill_null(pc.match_substring(truths, ":null"), False)).to_pylist()[:_ODD]
        looks = pc.utf8_slice_codeunits(truths, 0, _LIKE)
        counts = sorted((each["counts"], str(each["values"])) for each in pc.value_counts(looks).to_pylist())
        rows += [pc.index(looks, look).as_py() for _, look in counts[:_ODD]]
    return rows


CHECKS: tuple[Check, ...] = (check_truths,)
