"""`compute_score`: keys, errors, the registry, third-party scorers."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_verl import Score, cli, compute_score, reward, scorer, scorers
from r1_verl.ground_truth import encode
from r1_verl.score import OUTCOMES
from r1_verl.scorers import UnknownNameError, find_scale, find_scorer

PUZZLE = encode("countdown", numbers=[1, 2, 3], target=6)
KEYS = ["score", "acc", "format", "outcome", "pred", "parts"]
RIGHT = "so</think>\n<answer>1+2+3</answer>"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry that forgets what the test registers."""
    scorers.load_all()
    monkeypatch.setattr(scorers, "_scorers", dict(scorers._scorers))
    yield
    monkeypatch.undo()
    find_scorer.cache_clear()
    scorers.resolve.cache_clear()


def test_keys_and_types_are_the_same_for_every_source_and_outcome() -> None:
    scorers.load_all()
    texts = [RIGHT, "", "<answer></answer>", "x" * 10_000, "</think>\n<answer>6</answer>", "\\boxed{6}", "#### 6"]
    for entry in scorers.scorers():
        source = entry.sources[0].replace("*", "x")
        for text in texts:
            for ground_truth in (PUZZLE, "6", None, 6):
                for mode in ("strict", "faithful") if entry.faithful else ("strict",):
                    found = compute_score(source, text, ground_truth, mode=mode)
                    assert list(found) == KEYS
                    assert [type(value) for value in found.values()] == [float, float, float, str, str, str]
                    assert found["outcome"] in OUTCOMES and found["outcome"] != "error"
                    assert found["acc"] in (0.0, 1.0) and found["format"] in (0.0, 1.0)
                    assert not found["parts"] or all(isinstance(v, float) for v in json.loads(found["parts"]).values())
                    assert len(found["pred"]) <= 200


def test_strict_is_the_default_and_positional_arguments_are_verls() -> None:
    assert compute_score("countdown", RIGHT, PUZZLE, {"index": 3})["score"] == 1.0
    assert (
        compute_score(data_source="countdown", solution_str=RIGHT, ground_truth=PUZZLE, extra_info=None)["acc"] == 1.0
    )
    hole = "<answer>2**3+1</answer>"
    nine = encode("countdown", numbers=[1, 2, 3], target=9)
    assert (
        compute_score("countdown", hole, nine)["score"]
        == compute_score("countdown", hole, nine, mode="strict")["score"]
    )


@pytest.mark.parametrize(
    ("response", "score", "acc", "outcome"),
    [
        (RIGHT, 1.0, 1.0, "correct"),
        (RIGHT + "\n", 0.0, 1.0, "no_answer"),  # the published reward reads the last line alone
        ("</think><answer>2**3-1-1</answer>", 0.1, 0.0, "invalid"),
        ("</think><answer>1*2*3 = 6</answer>", 0.1, 1.0, "invalid"),
        ("</think><answer></answer>", 0.1, 0.0, "empty"),
    ],
)
def test_acc_is_the_strict_verdict_in_faithful_mode(response: str, score: float, acc: float, outcome: str) -> None:
    for scale, expected in ((None, score), ("binary", float(score == 1.0))):
        found = compute_score("countdown", response, PUZZLE, mode="faithful", scale=scale)
        assert (found["score"], found["acc"], found["outcome"]) == (expected, acc, outcome)
        assert found["acc"] == compute_score("countdown", response, PUZZLE)["acc"]


def test_scales_are_found_by_name() -> None:
    half = "</think><answer>1+2</answer>"
    assert compute_score("countdown", half, PUZZLE)["score"] == 0.1
    assert compute_score("countdown", half, PUZZLE, scale="binary")["score"] == 0.0
    assert compute_score("countdown", RIGHT, PUZZLE, scale="binary")["score"] == 1.0
    assert find_scale("parts")(Score("wrong", parts={"a": 0.25, "b": 1})) == 1.25


BOXED, MATH = "so \\boxed{5}", encode("math", answer="5")


def test_a_named_reward_judges_in_the_place_of_the_data_sources() -> None:
    for source in ("math8k", "drgrpo_r1/math8k", "no such source"):
        found = compute_score(source, BOXED, MATH, reward="drgrpo", mode="faithful")
        assert (found["score"], found["acc"], found["format"]) == (1.0, 1.0, 1.0)
        found = compute_score(source, BOXED, MATH, reward="drgrpo_r1", mode="faithful")
        assert (found["score"], found["acc"], found["outcome"]) == (0.0, 0.0, "bad_format")
    assert compute_score("math8k", BOXED, MATH)["acc"] == 1.0


def test_the_calls_own_scale_and_options_beat_the_rewards() -> None:
    wrong = "so \\boxed{6}"
    pays = {"name": "drgrpo", "scale": "centred"}
    assert compute_score("math8k", wrong, MATH, reward=pays)["score"] == -0.5
    assert compute_score("math8k", wrong, MATH, reward=pays, scale="plus_minus")["score"] == -1.0
    assert compute_score("math8k", wrong, MATH, reward={"name": "drgrpo", "scale": None, "options": None})["score"] == 0
    pays = {"name": "openr1", "options": {"openr1_weights": {"accuracy": 1, "soft_format": 2}}}
    right = "<think>x</think><answer>\\boxed{5}</answer>"
    assert json.loads(compute_score("math", right, MATH, reward=pays)["parts"]) == {"accuracy": 1.0, "soft_format": 2.0}
    found = compute_score(
        "math", right, MATH, reward=pays, openr1_weights={"tag_count": 1}, reward_model_tokenizer=None
    )
    assert json.loads(found["parts"]) == {"tag_count": 1.0}
    pays["options"]["openr1_weights"]["accuracy"] = 3  # the same object, changed by its owner
    assert json.loads(compute_score("math", right, MATH, reward=pays)["parts"])["accuracy"] == 3.0


def test_a_reward_comes_from_omegaconf_as_verl_hands_it_over() -> None:
    from omegaconf import OmegaConf

    config = OmegaConf.create(
        {
            "r1_verl": {"pays": {"name": "openr1", "scale": "binary", "options": {"openr1_weights": {"accuracy": 1}}}},
            "reward_kwargs": {"mode": "faithful", "reward": "${r1_verl.pays}"},
        }
    )
    keywords = dict(config.reward_kwargs)
    for _ in range(2):
        found = compute_score("math8k", "<answer>$5$</answer>", MATH, **keywords)
        assert (found["score"], json.loads(found["parts"])) == (1.0, {"accuracy": 1.0})


def test_a_named_reward_is_for_rows_of_its_task() -> None:
    with pytest.raises(UnknownNameError) as caught:
        compute_score("countdown", RIGHT, PUZZLE, reward="drgrpo")
    message = str(caught.value)
    assert "'drgrpo' judges the task math" in message and "'countdown' is of the task countdown" in message
    assert "countdown, mini_r1, oat_zero" in message and "\n" not in message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message  # Ray and process pools pass it on
    for truth in ("5", 5, None, '{"answer":"5"}', '{"answer":"5","task":5}', "{", '{"task":[]}'):
        compute_score("math", BOXED, truth, reward="drgrpo")  # they name no task


def test_a_scorer_without_a_task_takes_any_row(registry: None) -> None:
    scorer("anything")(lambda text, ground_truth, info: True)
    assert compute_score("countdown", "", PUZZLE, reward="anything")["acc"] == 1.0
    scorer("sudoku_only", task="sudoku")(lambda text, ground_truth, info: True)
    assert compute_score("mine", "", encode("sudoku", grid="1"), reward="sudoku_only")["acc"] == 1.0
    with pytest.raises(UnknownNameError, match="of the task sudoku: name one of that task \\(sudoku_only\\)"):
        compute_score("mine", "", encode("sudoku", grid="1"), reward="kk")


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        ("drgrp", "unknown reward 'drgrp'; did you mean 'drgrpo'"),
        (7, "unknown reward 7; known: "),
        ({"drgrpo"}, "unknown reward {'drgrpo'}; "),
        ({"name": "drgrp"}, "unknown reward 'drgrp'; did you mean 'drgrpo'"),
        ({"scale": "binary"}, "the reward has no name: write {name: NAME"),
        ({"name": "drgrpo", "scal": "binary"}, "unknown key of the reward 'scal'; did you mean 'scale'?"),
        ({"name": "drgrpo", "scale": "binry"}, "unknown scale 'binry'; did you mean 'binary'?"),
        ({"name": "drgrpo", "scale": ["binary"]}, "unknown scale ['binary']; "),
        (
            {"name": "openr1", "options": {"openr1_weight": {}}},
            "reward 'openr1': unknown option 'openr1_weight'; did you mean 'openr1_weights'?",
        ),
        ({"name": "kk", "options": {"math_policy": {}}}, "reward 'kk': it takes no option 'math_policy'"),
        ({"name": "drgrpo", "options": ["x"]}, "the options of the reward 'drgrpo' are no mapping"),
    ],
)
def test_a_reward_that_cannot_be_read_says_what_to_write(reward: object, words: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        compute_score("math8k", BOXED, MATH, reward=reward)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("drgrpo/math8k", "math8k"), ("simplerl_v1/math8k", "math8k"), ("grpo_bias/gsm8k", "gsm8k"),
        ("grpo_demo/gsm8k/greedy", "gsm8k/greedy"), ("math/math8k/greedy", "math8k/greedy"), ("math/dapo", "dapo"),
        ("openr1/numina_tir", "numina_tir"), ("openr1/openr1_math", "openr1_math"), ("deepscaler/math", "math"),
        ("orz/math8k", "math8k"), ("mini_r1", "countdown"), ("mini_r1/3", "countdown/3"),
        ("unlock_deepseek/4", "countdown/4"), ("oat_zero/3/greedy", "countdown/3/greedy"),
        *((name, name) for name in (
            "math8k", "gsm8k", "gsm8k/greedy", "math", "math/mine", "math500", "kk", "kk/3ppl", "countdown/3", "dapo",
            "orz", "numina_tir", "openr1_math", "aime24", "multiply", "mine/math8k", "drgrpo/mine", "unheard/of", "",
        )),
    ],
)  # fmt: skip
def test_old_data_sources_fold_into_the_tasks(old: str, now: str) -> None:
    assert scorers.task_source(old) == now == scorers.task_source(now)
    if "mine" not in old and old not in ("unheard/of", ""):
        assert find_scorer(old).task == find_scorer(now).task


def test_the_old_name_of_a_scale_is_taken_with_one_note(registry: None, capsys: pytest.CaptureFixture[str]) -> None:
    scorers.note_ladder.cache_clear()
    assert compute_score("countdown", RIGHT, PUZZLE, ladder="plus_minus")["score"] == 1.0
    assert compute_score("countdown", "", PUZZLE, ladder="plus_minus")["score"] == -1.0
    scorer("old_plugin", ladder="plus_minus")(lambda text, ground_truth, info: False)
    assert compute_score("old_plugin", "", "")["score"] == -1.0
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "`ladder` is called `scale` now" in told


def test_a_prompt_that_opened_think_hides_unclosed_thinking() -> None:
    unfinished = "<answer>1+2+3</answer> or is it"
    assert compute_score("countdown", unfinished, PUZZLE, {"think_in_prompt": True})["outcome"] == "no_answer"
    assert compute_score("countdown", unfinished, PUZZLE, {"think_in_prompt": False})["outcome"] == "correct"
    assert compute_score("countdown", RIGHT, PUZZLE, {"think_in_prompt": True})["outcome"] == "correct"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"data_source": "countdwn"}, ["unknown data source 'countdwn'", "did you mean", "'countdown'"]),
        ({"data_source": "zzzzzz"}, ["unknown data source 'zzzzzz'", "known:", "countdown/*"]),
        ({"data_source": None}, ["unknown data source None"]),
        ({"data_source": ""}, ["unknown data source ''"]),
        ({"mode": "faithfull"}, ["unknown mode 'faithfull'", "'faithful'"]),
        ({"scale": "binry"}, ["unknown scale 'binry'", "'binary'"]),
        ({"scale": "tinyzreo"}, ["unknown scale 'tinyzreo'", "'tinyzero'"]),
        ({"scal": "binary"}, ["unknown option 'scal'", "'scale'"]),
    ],
)
def test_a_callers_mistake_raises_and_names_the_nearest(arguments: dict, words: list[str]) -> None:
    call = {"data_source": "countdown", "solution_str": RIGHT, "ground_truth": PUZZLE, **arguments}
    with pytest.raises(UnknownNameError) as caught:
        compute_score(**call)
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_verls_own_keywords_are_let_through() -> None:
    found = compute_score("countdown", RIGHT, PUZZLE, None, reward_router_address=None, reward_model_tokenizer=None)
    assert found["score"] == 1.0


def test_faithful_without_a_published_reward_says_so(registry: None) -> None:
    scorer("no_paper")(lambda text, ground_truth, info: True)
    with pytest.raises(UnknownNameError, match="'no_paper' has no published reward: use mode='strict'"):
        compute_score("no_paper", "", "", mode="faithful")


def test_a_scorer_in_ten_lines(registry: None) -> None:
    @scorer("parity", sources=["parity", "odd*", "odd_or_even/[0-9]"], scale="binary")
    def parity(solution_str: str, ground_truth: str, extra_info: dict, *, shout: bool = False) -> bool:
        return solution_str.strip() == (ground_truth.upper() if shout else ground_truth)

    assert compute_score("parity", "odd", "odd")["score"] == 1.0
    assert compute_score("odd_thing", "even", "odd") == {
        "score": 0.0, "acc": 0.0, "format": 1.0, "outcome": "wrong", "pred": "", "parts": "",
    }  # fmt: skip
    assert compute_score("odd_or_even/7", "ODD", "odd", shout=True)["acc"] == 1.0
    assert compute_score("countdown", RIGHT, PUZZLE, shout=True)["acc"] == 1.0  # an option of another scorer


def test_scorer_decorators_stack(registry: None) -> None:
    @scorer("second", faithful=lambda text, ground_truth, info: False, scale="plus_minus")
    @scorer("first")
    def either(text: str, ground_truth: object, info: dict) -> bool:
        return True

    assert [compute_score(source, "", "")["acc"] for source in ("first", "second/3")] == [1.0, 1.0]
    assert compute_score("second", "", "", mode="faithful")["score"] == -1.0
    assert [entry.name for entry in scorers.scorers()][-2:] == ["first", "second"]


def test_an_exact_name_beats_a_pattern_and_a_long_one_a_short_one(registry: None) -> None:
    scorer("one", sources=["z*"])(lambda text, ground_truth, info: Score("correct", "one"))
    scorer("two", sources=["zebra/*"])(lambda text, ground_truth, info: Score("correct", "two"))
    scorer("three", sources=["zebra/x"])(lambda text, ground_truth, info: Score("correct", "three"))
    assert [compute_score(s, "", "")["pred"] for s in ("zoo", "zebra/y", "zebra/x")] == ["one", "two", "three"]


def test_default_sources_are_the_name_and_its_children(registry: None) -> None:
    scorer("plain")(lambda text, ground_truth, info: True)
    assert find_scorer("plain").sources == ("plain", "plain/*")
    assert find_scorer("plain/3").name == "plain"


@pytest.mark.parametrize(("name", "sources"), [("mine", ["countdown"]), ("countdown", ["mine"]), ("countdown", [])])
def test_a_duplicate_names_both_owners(registry: None, name: str, sources: list[str]) -> None:
    def my_judge(text: str, ground_truth: object, info: dict) -> bool:
        return True

    with pytest.raises(ValueError) as caught:
        scorer(name, sources=sources)(my_judge)
    message = str(caught.value)
    assert "my_judge" in message and "r1_verl.scorers.countdown.strict" in message and "'countdown'" in message
    assert compute_score("countdown", RIGHT, PUZZLE)["acc"] == 1.0


def test_the_same_module_may_be_imported_again(registry: None) -> None:
    def again(text: str, ground_truth: object, info: dict) -> bool:
        return True

    scorer("again")(again)
    scorer("again")(again)
    assert compute_score("again", "", "")["acc"] == 1.0


class _Timeout(BaseException):
    """As math-verify's, which no `except Exception` catches."""


@pytest.mark.parametrize("broken", ["raises", "base", "none", "float", "deep"])
def test_a_broken_scorer_is_an_outcome(registry: None, broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    def judge(text: str, ground_truth: object, info: dict) -> object:
        if broken == "raises":
            raise KeyError("oops")
        if broken == "base":
            raise _Timeout
        if broken == "deep":
            return judge(text, ground_truth, info)
        return {"none": None, "float": 0.5}[broken]

    scorer("broken", faithful=judge)(judge)
    for mode in ("strict", "faithful"):
        found = compute_score("broken", "x", "y", mode=mode)
        assert found == {"score": 0.0, "acc": 0.0, "format": 0.0, "outcome": "error", "pred": "", "parts": ""}
    assert "r1_verl: scorer test_reward.test_a_broken_scorer_is_an_outcome" in capsys.readouterr().err.replace(
        "tests.", ""
    )


def test_a_caller_who_interrupts_is_heard(registry: None) -> None:
    def judge(text: str, ground_truth: object, info: dict) -> bool:
        raise KeyboardInterrupt

    scorer("interrupted")(judge)
    with pytest.raises(KeyboardInterrupt):
        compute_score("interrupted", "x", "y")


def test_a_scorers_own_values_come_out_plain(registry: None) -> None:
    import numpy as np

    parts = {"a": np.float32(0.5), "b": 1, "c": True}
    scorer("odd_values")(lambda text, ground_truth, info: Score("wrong", 12, 0.0, parts))
    found = compute_score("odd_values", "", "")
    assert (found["pred"], found["score"]) == ("12", 2.5)
    assert json.loads(found["parts"]) == {"a": 0.5, "b": 1.0, "c": 1.0}


def _run(program: str, folder: Path, plugins: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(folder), "R1_VERL_SCORERS": plugins, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_third_parties_register_through_the_environment(tmp_path: Path) -> None:
    (tmp_path / "my_scorers.py").write_text(
        "import r1_verl\n"
        "@r1_verl.scorer('palindrome', sources=['palindrome', 'letters/*'])\n"
        "def judge(solution_str, ground_truth, extra_info):\n"
        "    return solution_str == solution_str[::-1]\n"
    )
    (tmp_path / "broken_scorers.py").write_text("import no_such_module_anywhere\n")
    program = (
        "import r1_verl\n"
        "print(*(r1_verl.compute_score('letters/5', word, '')['acc'] for word in ('level', 'ab')))\n"
        "try:\n    r1_verl.compute_score('palindrom', '', '')\nexcept LookupError as error:\n    print(error)\n"
    )
    done = _run(program, tmp_path, "my_scorers, broken_scorers")
    first, second = done.stdout.strip().split("\n")
    assert first == "1.0 0.0", done.stderr
    assert "did you mean 'palindrome'?" in second
    assert (
        "plugin broken_scorers did not load (ModuleNotFoundError: No module named 'no_such_module_anywhere')" in second
    )
    assert "r1_verl: scorer plugin broken_scorers did not load" in done.stderr


def test_a_third_party_that_claims_a_built_in_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thief.py").write_text(
        "from r1_verl import scorer\n@scorer('thief', sources=['countdown'])\ndef judge(*a):\n    return True\n"
    )
    program = (
        "import r1_verl\nprint(r1_verl.compute_score('countdown', '', '{\"numbers\":[1],\"target\":1}')['outcome'])"
    )
    done = _run(program, tmp_path, "thief")
    assert done.stdout.strip() == "no_answer"
    assert (
        "thief.judge claims 'countdown', which 'countdown' of r1_verl.scorers.countdown.strict has already"
        in done.stderr
    )


_pieces = st.sampled_from(
    ["<answer>", "</answer>", "<think>", "</think>", "<reasoning>", "\\boxed{", "{", "}", "$", "####", "Answer:", "\n",
     " ", "6", "1/2", "\\frac", "1+2+3", "(1)", "Zoey", "is a", "knight", "Assistant:", "٣", "\x00", "\ud800", "🙂"]
)  # fmt: skip
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["task", "target", "numbers", "answer", "gold", "solution"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)
_ground_truths = _json | _json.map(lambda value: json.dumps(value, allow_nan=True)) | st.text(max_size=30)


@settings(max_examples=400, deadline=None)
@given(st.lists(_pieces, max_size=25).map("".join), _ground_truths, st.booleans(), st.integers(0, 10**6))
def test_nothing_raises_whatever_the_model_or_the_row_says(
    text: str, ground_truth: object, opened: bool, which: int
) -> None:
    scorers.load_all()
    entries = scorers.scorers()
    entry = entries[which % len(entries)]
    for mode in ("strict", "faithful") if entry.faithful else ("strict",):
        found = compute_score(entry.sources[0], text, ground_truth, {"think_in_prompt": opened}, mode=mode)
        assert list(found) == KEYS
        assert found["outcome"] in OUTCOMES and found["outcome"] != "error", (entry.name, mode, text, ground_truth)


def test_a_response_that_is_no_text_scores_as_an_empty_one() -> None:
    for response in (None, 6, b"<answer>1+2+3</answer>", ["x"]):
        assert compute_score("countdown", response, PUZZLE)["outcome"] == "no_answer"


def test_verl_loads_the_public_compute_score() -> None:
    assert reward.compute_score is compute_score


def test_sources_lists_every_reward_aligned_and_third_parties_too(
    registry: None, capsys: pytest.CaptureFixture[str]
) -> None:
    scorer("my_scorer", sources=["mine", "yours/*"])(lambda text, ground_truth, info, *, loud=False: True)
    assert cli.main(["sources"]) == 0
    rewards, _, parts = capsys.readouterr().out.partition("\n\n")
    assert parts.startswith("part ")
    head, *lines = rewards.splitlines()
    assert [line.split()[0] for line in lines] == [
        entry.name for entry in sorted(scorers.scorers(), key=lambda entry: (entry.task, entry.name))
    ]
    (mine,) = (line for line in lines if line.startswith("my_scorer "))
    assert mine.split() == ["my_scorer", "any", "parts", "strict", "loud", "mine,", "yours/*"]
    (kk,) = (line for line in lines if line.startswith("kk "))
    assert kk.split()[:5] == ["kk", "kk", "logicrl", "strict,", "faithful"]
    starts = [head.index(name) for name in ("task", "scale", "modes", "options", "data sources")]
    assert all(line[at - 1] == " " and line[at] != " " for line in lines for at in starts)
