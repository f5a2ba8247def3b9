"""The parts of a reward: published vectors, departures, bounds, hostile text, bad options."""

from __future__ import annotations

import gzip
import json
import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_verl.reward.parts import MOST_CHARS, PARTS, REQUIRED, Facts, check, find_part
from r1_verl.reward.parts.forms import MOST_CHARS_FOR_TAGS
from r1_verl.scorers import UnknownNameError

MODES = ("strict", "faithful")
# Where a recipe has to choose: the paper's numbers.
CHOSEN = {"cosine": {"max_length": 14336}, "soft_overlong": {"max_length": 20480, "buffer": 4096}}
DEMYSTIFY = {
    "min_value_wrong": -10, "max_value_wrong": 0, "min_value_correct": 1, "max_value_correct": 2, "exceed": -10,
    "max_length": 14336,
}  # fmt: skip


def facts(acc: float = 1.0, tokens: int | None = 0, mode: str = "faithful", **more) -> Facts:
    return Facts(acc, 1.0, tokens, False, mode=mode, **more)


def value(name: str, text: str = "", known: Facts | None = None, **options) -> float:
    return PARTS[name].function(text, known or facts(), **options)


def of_kind(kind: str) -> list[str]:
    return [name for name, part in PARTS.items() if part.kind == kind]


def test_every_part_says_what_it_is():
    assert of_kind("tokens") == ["repetition_dense"] and of_kind("group") == ["kimi_length", "gated_length"]
    for name, part in PARTS.items():
        assert part.name == name and part.source and part.kind in ("text", "group", "tokens")
        assert part.needs <= {"tokens", "truncated", "question"}
        assert {option for option, default in part.options.items() if default is REQUIRED} == set(CHOSEN.get(name, ()))
        check(part, CHOSEN.get(name, {}))


# --- repetition -------------------------------------------------------------------------------------------------------

# open-r1's own tests (tests/test_rewards.py, commit 69ae7d4) and fact sheet B, 2.2: words, n, max_penalty, value.
SPARSE = [
    ("this is a test sentence", 2, -1.0, 0.0),
    ("this this this this this", 2, -1.0, -0.75),
    ("this is a this is a test", 2, -1.0, -1 / 3),
    ("this is a test", 3, -0.5, 0.0),
    ("test test test test", 3, -0.5, -0.25),
    ("", 2, -1.0, 0.0),
    ("this is a this is a test", 3, -2.0, -0.4),
    ("This is A Test this IS a test", 2, -1.0, -3 / 7),
    ("word", 3, -1.0, 0.0),
    ("two words", 3, -1.0, 0.0),
    ("three different words", 3, -1.0, 0.0),
    ("word word word word", 3, -1.0, -0.5),
    ("one two one two", 3, -1.0, 0.0),
    ("A B C A B", 3, -0.5, 0.0),
    ("A B C A B C", 3, -1.0, -0.25),
    ("A B C A B C E F G A B C A B C", 3, -1.0, -5 / 13),
    ("A B C D E F G H I J K L", 3, -1.0, 0.0),
    ("a b a b a b", 2, -1.0, -0.6),
    ("a b c d", 2, -1.0, 0.0),
    ("a a a a a", 2, -1.0, -0.75),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("text", "ngram", "max_penalty", "wanted"), SPARSE)
def test_repetition_as_published(text, ngram, max_penalty, wanted, mode):
    found = value("repetition", text, facts(mode=mode), ngram=ngram, max_penalty=max_penalty)
    assert found == pytest.approx(wanted, abs=1e-12) and math.copysign(1, found) == (1 if wanted == 0 else -1)


def test_repetition_in_chinese():
    loop = "我们再算一次。" * 20
    assert value("repetition", loop) == 0.0  # published: one word
    assert value("repetition", loop, language="zh") == value("repetition", loop, facts(mode="strict")) < -0.9
    assert value("repetition", "苹果 apple apple", facts(mode="strict"), ngram=1) == -0.25


def repeated_words(words: list, ngram: int) -> float:
    """The definition: the share of n-grams that stood before."""
    grams = [*zip(*(words[at:] for at in range(ngram)), strict=False)]
    return len(set(grams)) / len(grams) - 1 if grams else 0.0


def repeated_tokens(ids: list[int], ngram: int, penalty: float) -> list[float]:
    """The definition: `penalty` on all tokens of each n-gram that stood before."""
    grams = [*zip(*(ids[at:] for at in range(ngram)), strict=False)]
    values = [0.0] * len(ids)
    for start, gram in enumerate(grams):
        if gram in grams[:start]:
            values[start : start + ngram] = [penalty] * ngram
    return values


LOOPS = st.builds(
    lambda ids, cut: ids + ids[:cut] + ids, st.lists(st.integers(0, 5) | st.integers(0, 2**40)), st.integers(0, 30)
)


@settings(deadline=None)
@given(LOOPS, st.sampled_from([1, 2, 3, 4, 5, 7, 20, 40]))
def test_repetition_is_its_definition(ids, ngram):
    known, words = facts(), [f"w{each}" for each in ids]
    assert PARTS["repetition_dense"].function(ids, known, ngram=ngram) == repeated_tokens(ids, ngram, -0.05)
    assert value("repetition", " ".join(words), ngram=ngram) == pytest.approx(repeated_words(words, ngram), abs=1e-12)


def test_repetition_dense_by_hand():
    dense = PARTS["repetition_dense"].function
    assert dense([1, 2, 3, 1, 2, 3, 9], facts(), ngram=3, penalty=-1) == [0, 0, 0, -1, -1, -1, 0]
    assert dense([1, 2, 1, 2, 1, 9], facts(), ngram=2, penalty=-1) == [0, 0, -1, -1, -1, 0]  # set, not added
    assert dense([7] * 42, facts()) == [0.0] + [-0.05] * 41  # the paper's 40 and -0.05
    assert dense([7] * 40, facts()) == [0.0] * 40 and dense([], facts()) == []


# --- cosine -----------------------------------------------------------------------------------------------------------


# Fact sheet B, 2.1: tokens, right, wrong, with the paper's values.
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("tokens", "right", "wrong"),
    [
        (0, 2, -10), (1000, 1.98804, -9.88042), (3584, 1.85355, -8.53553), (7168, 1.5, -5),
        (10752, 1.14645, -1.46447), (14319, 1.0, 0.0), (14320, -10, -10), (20000, -10, -10),
    ],
)  # fmt: skip
def test_cosine_of_demystify(tokens, right, wrong, mode):
    assert value("cosine", "", facts(1.0, tokens, mode), **DEMYSTIFY) == pytest.approx(right, abs=5e-5)
    assert value("cosine", "", facts(0.0, tokens, mode), **DEMYSTIFY) == pytest.approx(wrong, abs=5e-5)


# open-r1's own test (20, 80: to .005), trl's (25, 50, 75), and beyond max_length (fact sheet B, 2.6).
OPEN_R1 = [(20, 0.952), (80, 0.548), (25, 0.92678), (50, 0.75), (75, 0.57322), (0, 1.0), (100, 0.5)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("size", "right"), OPEN_R1)
def test_cosine_of_open_r1(size, right, mode):
    assert value("cosine", "", facts(1.0, size, mode), max_length=100) == pytest.approx(right, abs=5e-4)
    assert value("cosine", "", facts(0.0, size, mode), max_length=100) == pytest.approx(-right, abs=5e-4)
    characters = "x" * size
    assert value("cosine_characters", characters, facts(1.0, None, mode), max_length=100) == pytest.approx(
        right, abs=5e-4
    )


def test_cosine_beyond_its_length():
    for size, published in ((1500, 0.75), (2000, 1.0)):
        for acc, sign in ((1.0, 1), (0.0, -1)):
            text = "x" * size
            assert value("cosine_characters", text, facts(acc)) == pytest.approx(sign * published)
            assert value("cosine_characters", text, facts(acc, mode="strict")) == sign * 0.5


def test_cosine_as_open_r1s_command_line_has_it_pays_wrong_answers_for_being_short():
    inverted = {"max_length": 1000, "min_value_wrong": 0.0}
    assert value("cosine", "", facts(0.0, 0), **inverted) == 0.0
    assert value("cosine", "", facts(0.0, 1000), **inverted) == -0.5


@given(st.lists(st.integers(0, 20_000), min_size=2), st.sampled_from([0.0, 1.0]))
def test_cosine_falls_for_the_right_and_rises_for_the_wrong(lengths, acc):
    values = [value("cosine", "", facts(acc, tokens, "strict"), max_length=14336) for tokens in sorted(lengths)]
    assert values == sorted(values, reverse=acc == 1.0)


# --- length -----------------------------------------------------------------------------------------------------------


def group(name: str, *rows: tuple[float, int]) -> list[float]:
    return PARTS[name].function([facts(acc, tokens) for acc, tokens in rows])


def test_kimi_length():
    assert group("kimi_length", (1, 30), (1, 50), (1, 70), (1, 40)) == [0.5, 0.0, -0.5, 0.25]
    assert group("kimi_length", (1, 22), (0, 22)) == [0.0, 0.0]  # open-r1: all of one length
    assert group("kimi_length", (0, 22), (0, 34)) == [0.0, -0.5]
    assert group("kimi_length", (1, 22), (1, 34), (0, 22), (0, 34)) == [0.5, -0.5, 0.0, -0.5]
    assert group("kimi_length", (1, 22)) == [0.0] and group("kimi_length") == []


def test_gated_length_pays_no_wrong_response():
    assert group("gated_length", (1, 10), (1, 30), (0, 1), (0, 99)) == [0.5, 0.0, 0.0, 0.0]
    assert group("gated_length", (1, 15), (1, 20), (1, 25)) == [0.25, 0.0, 0.0]
    assert group("gated_length", (0, 3), (0, 9)) == group("gated_length", (1, 0), (1, 0)) == [0.0, 0.0]
    assert group("gated_length", (1, 5)) == [0.0] and group("gated_length") == []


ROWS = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.integers(0, 40_000)), max_size=16)


@pytest.mark.parametrize(("name", "low", "high"), [("kimi_length", -0.5, 0.5), ("gated_length", 0.0, 1.0)])
@given(rows=ROWS, data=st.data())
def test_the_order_in_a_group_does_not_matter(name, low, high, rows, data):
    found = group(name, *rows)
    assert all(low <= each <= high for each in found)
    shuffled = data.draw(st.permutations(range(len(rows))))
    assert group(name, *(rows[at] for at in shuffled)) == [found[at] for at in shuffled]
    for acc in (0.0, 1.0):  # of two that are both right or both wrong, the longer one is never paid more
        paid = [
            each for _, each in sorted((row[1], -each) for row, each in zip(rows, found, strict=True) if row[0] == acc)
        ]
        assert paid == sorted(paid)


def test_soft_overlong():
    limits = CHOSEN["soft_overlong"]  # fact sheet B, 10.2
    for tokens, wanted in ((0, 0), (16384, 0), (17408, -0.25), (18432, -0.5), (20480, -1), (30000, -1)):
        assert value("soft_overlong", "", facts(0.0, tokens), **limits) == wanted
    for tokens, wanted in ((50, 0), (90, -0.5), (110, -1)):  # trl's own tests
        assert value("soft_overlong", "", facts(1.0, tokens), max_length=100, buffer=20) == wanted


# --- language ---------------------------------------------------------------------------------------------------------

ENGLISH = "So we have 3 apples and 4 pears, which makes 7."
CHINESE = "所以一共有七个水果。"


@pytest.mark.parametrize(
    ("text", "question", "language", "wanted"),
    [
        (ENGLISH, "", "en", 1.0),
        (ENGLISH, "", "zh", 0.0),
        (CHINESE, "", "zh", 1.0),
        (CHINESE, "", "en", 0.0),
        ("Add 苹果 to both", "", "en", 3 / 5),  # three words, two characters
        ("我们用 apple 表示苹果", "", "zh", 7 / 8),
        ("Прибавим two", "", "en", 1 / 2),
        # The question's own language, and its names.
        (CHINESE, "小明有三个苹果和四个梨", "", 1.0),
        (ENGLISH, "小明有三个苹果和四个梨", "", 0.0),
        (ENGLISH, "How many fruits?", "", 1.0),
        ("小明 has three", "小明有三个苹果", "en", 1.0),
        ("小红 has three", "小明有三个苹果", "en", 2 / 4),
        ("因为 Zoey 是骑士", "Zoey says: Oliver is a knave.", "zh", 1.0),
        ("因为 Zoey knows 是骑士", "Zoey says: Oliver is a knave.", "zh", 5 / 6),
        # Mathematics: LaTeX, variables, capitals, functions; code; tags.
        (r"设 $x = \text{apples}$，则 \(y = ab\) 与 \[\frac{cd}{ef}\] 相等", "", "zh", 1.0),
        ("三角形 ABC 中 sin(x) + gcd(12, 18) = max 5 cm", "", "zh", 1.0),
        ("令 x2 与 a_max 和 n^abc 为 α、β", "", "zh", 1.0),
        ("```python\nprint('hello world')\n``` 得到答案", "", "zh", 1.0),
        ("<think>得到</think>", "", "zh", 1.0),
        (r"so \boxed{5} holds", "", "en", 1.0),
        (r"so $\text{苹果}$ holds", "", "en", 2 / 4),  # Chinese is no mathematics
        ("❶ Take ¾ of it", "", "en", 1.0),
        # The thinking alone; without its end, all of it.
        ("<think>得到</think> the answer is five", "", "zh", 1.0),
        ("得到</think> the answer is five", "", "en", 0.0),
        ("<think>得到 five", "", "en", 1 / 3),
        # Nothing in words mixes nothing.
        ("", "", "en", 1.0),
        ("2 + 3 = 5", "", "zh", 1.0),
    ],
)
def test_language(text, question, language, wanted):
    assert value("language", text, facts(question=question), language=language) == pytest.approx(wanted)


# Real responses: id, what a person sees in them (Chinese characters counted by eye), the share.
MIXED = {
    "qwen25_math_7b_instruct_minerva/28/0": (1, 0.99), "qwen25_math_7b_instruct_minerva/141/0": (2, 0.98),
    "qwen25_math_7b_instruct_minerva/142/0": (22, 0.85), "qwen25_math_7b_instruct_minerva/161/0": (4, 0.98),
    "qwen25_math_7b_instruct_minerva/187/0": (1, 0.99), "qwen25_math_7b_instruct_minerva/225/0": (1, 0.99),
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "mixed"), [("minerva_math_prime", MIXED), ("gsm8k_qwen25_3b", {}), ("kk_reasoning_gym", {})]
)
def test_language_of_real_responses(data_dir, file, mixed):
    """Every response that mixes in Chinese is found, and no other: names, formulas and code cost nothing."""
    with gzip.open(data_dir / "responses" / f"{file}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = {}
    for row in rows:
        known = facts(question=row.get("question") or row.get("prompt") or "")
        share = value("language", row["response"], known)
        if share < 1:
            found[row["id"]] = share
    assert found.keys() == mixed.keys()
    for each, (characters, low) in mixed.items():
        english = characters * found[each] / (1 - found[each])
        assert low <= found[each] < 1 and english == pytest.approx(round(english), abs=1e-6) and english > 100


# --- forms ------------------------------------------------------------------------------------------------------------

FORM = "<think>\nFirst, add.\n</think>\n<answer>\n5\n</answer>"


@pytest.mark.parametrize(
    ("name", "text", "faithful", "strict"),
    [
        ("format", FORM, 1, 1), ("format", FORM + "\njunk", 1, 0), ("format", FORM + FORM, 1, 0),
        ("format_feb", "<think>a</think><answer>b</answer>", 1, 1), ("format_jan", FORM, 0, 1),
        ("format_jan", "<think>a</think><answer>b</answer>", 1, 1), ("soft_format", "x" + FORM, 1, 0),
        ("tag_count", FORM, 1, 1), ("tag_count", "Some\n</think>\n<answer>\nThe answer\n</answer>", 0.75, 0.75),
        ("tag_count", "<think>a</think>", 0, 0.5), ("tag_count", "", 0, 0),
        ("reasoning_steps", "Step 1: First step\nStep 2: Second step\nStep 3: Third step", 1, 1),
        ("reasoning_steps", "First, we do this.\nFinally, we conclude.", 2 / 3, 2 / 3),
        ("reasoning_steps", "<think>a</think>\n- b\n- c", 2 / 3, 0), ("reasoning_steps", "Just plain text", 0, 0),
    ],
)  # fmt: skip
def test_forms(name, text, faithful, strict):
    assert value(name, text) == pytest.approx(faithful)
    assert value(name, text, facts(mode="strict")) == pytest.approx(strict)


def test_strict_forms_know_a_prompt_that_opened_the_thinking():
    text = FORM.removeprefix("<think>")
    for name, wanted in (("format", 1.0), ("tag_count", 1.0)):
        assert value(name, text, facts(mode="strict", think_in_prompt=True)) == wanted
        assert value(name, text, facts(mode="strict")) < wanted


def test_accuracy_is_the_verdict():
    assert [value("accuracy", "anything", facts(acc)) for acc in (0.0, 1.0)] == [0.0, 1.0]


# --- every part -------------------------------------------------------------------------------------------------------

BOUNDS = {"repetition": (-1, 0), "cosine": (-1, 1), "cosine_characters": (-1, 1), "soft_overlong": (-1, 0)}
PIECES = (
    "<think>", "</think>", "<answer>", "</answer>", "\n", " ", "\\(", "\\)", "\\[", "$", "$$", "```", "`", "<a", "'",
    "Step 1:", "\n- ", "中", "文字", "α", "я", "\ud800", "\0", "İ", "ﬃ", "a", "the", "x2", "❶", "\\boxed{", "\\",
    "\x85",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text(max_size=60)


@settings(deadline=None, max_examples=50)
@given(TEXTS, st.sampled_from(MODES), st.integers(0, 100_000), st.sampled_from([0.0, 1.0]), TEXTS, st.booleans())
def test_text_parts_stay_in_their_bounds(text, mode, tokens, acc, question, opens):
    known = facts(acc, tokens, mode, question=question, think_in_prompt=opens)
    for name in of_kind("text"):
        low, high = BOUNDS.get(name, (0, 1))
        found = value(name, text, known, **CHOSEN.get(name, {}))
        assert (
            type(found) is float and low <= found <= high and found == value(name, text, known, **CHOSEN.get(name, {}))
        )


HOSTILE = (
    "a", "a ", "$", "$a ", "\\(", "\\(a\\", "\\[\\", "```a", "` ", "<a", "中文", "中 ", "中a", "ab中", "я ", "\n",
    "\n-", "Step 1", "Step 9", "First", "<think>", "</think> ", "\ud800", "\0", "İ", "\\", "\n</answer",
    "</think> <answer", "a'", "1", "_a", "\\b",
)  # fmt: skip


# How far a part reads; None for one that only takes the length.
READS = {
    "repetition": MOST_CHARS, "language": MOST_CHARS, "reasoning_steps": MOST_CHARS, "tag_count": MOST_CHARS_FOR_TAGS,
    "format": MOST_CHARS_FOR_TAGS, "format_feb": MOST_CHARS_FOR_TAGS, "format_jan": MOST_CHARS_FOR_TAGS,
    "soft_format": MOST_CHARS_FOR_TAGS, "cosine": None, "cosine_characters": None, "soft_overlong": None,
    "accuracy": None,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, bound in READS.items() if bound])
def test_a_part_reads_a_bounded_start_of_a_hostile_text(name):
    """What stands behind the bound changes nothing; `tests/benchmarks/bench_parts.py` has the times of 10 MB."""
    for piece in HOSTILE:
        start = (piece * READS[name])[: READS[name]]
        more = start + " the 中 the\n- Step 1: First, <think>\n</think>\n<answer>\n</answer>"
        for mode in MODES:
            assert value(name, more, facts(mode=mode)) == value(name, start, facts(mode=mode)), piece


def test_every_text_part_has_a_bound():
    assert READS.keys() == set(of_kind("text"))


def test_the_form_of_a_long_response():
    def of(thinking: str) -> list[float]:
        text = f"<think>\n{thinking}\n</think>\n<answer>\n5\n</answer>"
        return [value(name, text, facts(mode=mode)) for name in ("format", "format_feb") for mode in MODES]

    assert of("x" * 3 * MOST_CHARS) == [1.0] * 4 and of("x" * MOST_CHARS_FOR_TAGS) == [0.0] * 4


def test_parts_work_from_any_thread():
    found = []
    work = [
        threading.Thread(target=lambda: found.append(value("repetition", "a b " * 1000, facts(mode="strict"))))
        for _ in range(8)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("repetition", {"ngrams": 3}, "part 'repetition': unknown option 'ngrams'; did you mean 'ngram'?"),
        ("repetition", {"max_penalty": 1.0}, "part 'repetition': max_penalty is 1.0: give it a number, at most 0"),
        ("repetition", {"ngram": 0}, "part 'repetition': ngram is 0: give it a number, at least 1"),
        ("repetition", {"ngram": 2.5}, "part 'repetition': ngram is 2.5: give it a whole number"),
        ("repetition", {"ngram": True}, "part 'repetition': ngram is True: give it a number, at least 1"),
        ("repetition", {"language": "fr"}, "part 'repetition': unknown language 'fr'; known: en, zh"),
        ("repetition_dense", {"penalty": 0.05}, "penalty is 0.05: give it a number, at most 0"),
        ("cosine", {}, "part 'cosine': it needs the option 'max_length'"),
        ("cosine", {"max_length": "many"}, "part 'cosine': max_length is 'many': give it a number, at least 1"),
        ("cosine", {"max_length": math.inf}, "part 'cosine': max_length is inf: give it a number, at least 1"),
        ("cosine", {"max_length": 9, "exceed": "x"}, "part 'cosine': exceed is 'x': give it a number"),
        ("cosine", {"max_length": 9, "max_value_wrong": 1}, "max_value_wrong is 1: give it a number, at most 0"),
        ("soft_overlong", {"max_length": 9}, "part 'soft_overlong': it needs the option 'buffer'"),
        ("soft_overlong", {"max_length": 9, "buffer": 10}, "buffer is 10: give it a number, at least 1 and at most 9"),
        ("kimi_length", {"weight": 1}, "part 'kimi_length': it takes no option 'weight'"),
        ("language", {"language": ["en"]}, "part 'language': unknown language ['en']"),
        ("format", {"think": 1}, "part 'format': it takes no option 'think'"),
    ],
)  # fmt: skip
def test_bad_options(name, options, told):
    with pytest.raises(UnknownNameError) as raised:
        check(PARTS[name], options)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_unknown_part_and_missing_facts():
    with pytest.raises(
        UnknownNameError, match="unknown part 'repetitions'; did you mean 'repetition' or 'repetition_dense'"
    ):
        find_part("repetitions")
    for name in ("cosine", "soft_overlong"):
        with pytest.raises(UnknownNameError, match=f"the part '{name}' needs each response's length"):
            value(name, "", facts(tokens=None), **CHOSEN[name])
    for name in of_kind("group"):
        with pytest.raises(UnknownNameError, match=f"the part '{name}' needs each response's length"):
            PARTS[name].function([facts(tokens=3), facts(tokens=None)])
