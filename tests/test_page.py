"""The page in a real browser: Chromium, headless, from disk. Skipped where there is none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browser import browser, chromium, visit
from run_folders import QUICKSTART, quickstart, run, validated

from r1_verl import environments
from r1_verl.ground_truth import encode
from r1_verl.report import curves, page, summary
from r1_verl.runs import Run

if chromium() is None:
    pytest.skip("no Chromium here: install one, or name one with R1_VERL_CHROMIUM", allow_module_level=True)
pytestmark = pytest.mark.long
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--<script>{{script}}\u2028&lt;b&gt; %s ${x} `"


@pytest.fixture(scope="module")
def started():
    with browser(chromium()) as found:
        yield found


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The page of a finished quickstart beside a second one."""
    folder = tmp_path_factory.mktemp("runs")
    one, two = quickstart(folder / "quickstart_grpo_seed1"), quickstart(folder / "quickstart_ppo_seed1")
    (two.folder / "validation/20.jsonl").unlink()
    (two.folder / "config.yaml").write_text("algorithm.adv_estimator: gae\n")
    summary.write(one, two, out=folder / "report")
    return folder / "report/report.html"


def dumped(step: int) -> list[dict]:
    text = (QUICKSTART / f"validation/{step}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def choose(tab, query: str) -> None:
    """Search, and choose the first response found."""
    tab.fill("#query", query)
    tab.locator("#found", has_text=re.compile(r"^[\d,]+ of")).wait_for()
    tab.locator("#list button").first.click()


def test_a_finished_quickstart_says_nothing_and_asks_for_nothing(started, finished):
    tab, seen = visit(started, finished)
    assert seen.said == [] and seen.asked == [finished.as_uri()]
    assert tab.locator("#charts figure").count() == 9 and tab.locator("#charts canvas").count() == 9
    assert tab.locator("#tables td strong").all_inner_texts() == ["68.8", "68.0", "68.4"] * 2
    assert tab.locator("#fault").is_hidden()
    assert "all 390 responses" in tab.locator("#missing").inner_text()
    tab.close()


def test_filters_and_search_find_what_the_dumps_hold(started, finished):
    tab, seen = visit(started, finished)
    found = tab.locator("#found")
    assert found.inner_text() == "390 of 390 responses"
    tab.select_option("#run", label="quickstart_grpo_seed1")
    right = sum(row["outcome"] == "correct" for step in (0, 10, 20) for row in dumped(step))
    assert tab.locator("#outcomes label", has_text=re.compile("^correct")).text_content() == f"correct {right}"
    tab.select_option("#step", label="20")
    for name in ("wrong", "invalid", "no_answer"):
        for box in tab.locator("#outcomes label", has_text=re.compile(f"^{name}")).locator("input").all():
            box.uncheck()
    right = [row for row in dumped(20) if row["outcome"] == "correct"]
    assert found.inner_text() == f"{len(right)} of 390 responses"
    tab.fill("#query", "7-8+9")
    hits = [row for row in right if "7-8+9" in row["output"]]
    assert hits
    tab.locator("#found", has_text=f"{len(hits)} of 390").wait_for()
    tab.fill("#query", "no such text anywhere")
    tab.locator("#found", has_text=re.compile("^0 of")).wait_for()
    tab.fill("#query", "")
    tab.locator("#found", has_text=f"{len(right)} of 390").wait_for()
    tab.select_option("#order", label="longest first")
    tab.locator("#list button").first.click()
    shown = tab.locator("pre.response").inner_text()
    assert len(shown) == max(len(row["output"]) for row in right)
    assert seen.said == []
    tab.close()


def test_the_slider_walks_the_steps_of_one_question(started, finished):
    tab, seen = visit(started, finished)
    tab.select_option("#run", label="quickstart_grpo_seed1")
    first = dumped(0)[0]
    choose(tab, first["input"].split("\n")[1])
    assert first["input"].strip() in tab.locator(".question").inner_text()
    slider = tab.locator("#slider")
    assert slider.get_attribute("max") == "2"
    for at, step in enumerate((0, 10, 20)):
        slider.fill(str(at))
        same = [row["output"] for row in dumped(step) if row["input"] == first["input"]]
        assert tab.locator("#at-step").inner_text() == f"step {step} ({at + 1} of 3)"
        tab.locator("pre.response", has_text="<").wait_for()
        assert tab.locator("pre.response").inner_text() in same
    slider.focus()
    tab.keyboard.press("Home")
    assert tab.locator("#at-step").inner_text() == "step 0 (1 of 3)"
    assert tab.evaluate("document.activeElement.id") == "slider"
    tab.select_option("#sample", index=1)
    second = [row["output"] for row in dumped(0) if row["input"] == first["input"]][1]
    tab.locator("pre.response", has_text=second[:20]).wait_for()
    assert tab.locator("pre.response").inner_text() == second
    assert seen.said == []
    tab.close()


def test_two_runs_side_by_side(started, finished):
    tab, _ = visit(started, finished)
    tab.select_option("#run", label="quickstart_grpo_seed1")
    tab.select_option("#step", label="20")
    tab.locator("#list button").first.click()
    tab.select_option("#beside", label="quickstart_ppo_seed1")
    titles = tab.locator(".panel h3").all_inner_texts()
    assert titles == ["quickstart_grpo_seed1 · step 20 · validation", "quickstart_ppo_seed1 · step 10 · validation"]
    tab.select_option("#beside", label="the first step of this run")
    assert tab.locator(".panel h3").nth(1).inner_text() == "quickstart_grpo_seed1 · step 0 · validation"
    tab.locator("#runs input").nth(1).uncheck()
    assert "quickstart_ppo" not in tab.locator("#charts .reading").first.inner_text()
    tab.close()


def test_the_keys_reach_everything(started, finished):
    tab, _ = visit(started, finished)
    tab.locator("#list button").first.focus()
    for _ in range(3):
        tab.keyboard.press("ArrowDown")
    buttons = tab.locator("#list button")
    assert buttons.nth(3).get_attribute("aria-current") == "true"
    tab.keyboard.press("ArrowUp")
    assert buttons.nth(2).get_attribute("aria-current") == "true"
    tab.keyboard.press("ArrowRight")
    assert "(2 of" in tab.locator("#at-step").inner_text()
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "query"
    tab.keyboard.type("/")  # which is a letter there
    assert tab.input_value("#query") == "/"
    tab.close()


def test_smoothing_and_any_other_metric(started, finished):
    tab, seen = visit(started, finished)
    before = tab.locator("#charts .chart").first.get_attribute("aria-label")
    tab.locator("#smoothing").fill("0.9")
    assert tab.locator("#smoothing-value").inner_text() == "0.9"
    assert tab.locator("#charts .chart").first.get_attribute("aria-label") != before
    tab.select_option("#metric", "actor/lr")
    assert tab.locator("#other figcaption").inner_text() == "actor/lr"
    box = tab.locator("#charts .u-over").first.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    assert re.match(r"step 1\d", tab.locator("#charts .reading").first.inner_text())
    assert seen.said == []
    tab.close()


def test_stages_stand_one_after_another(started, tmp_path):
    first = run(tmp_path / "one", {step: {"critic/score/mean": step / 9} for step in range(1, 10)})
    second = run(tmp_path / "two", {1: {"critic/score/mean": 0.5}}, "r1_verl.after: one\n")
    summary.write(first, second, out=tmp_path)
    tab, _ = visit(started, tmp_path / "report.html")
    box = tab.locator("#charts .u-over").first.bounding_box()
    reading = tab.locator("#charts .reading").first
    tab.mouse.move(box["x"] + box["width"] - 3, box["y"] + 20)
    assert reading.inner_text().split() == ["step", "10", "one", "two:", "0.5"] or "two 0.5" in reading.inner_text()
    tab.uncheck("#joined")
    tab.mouse.move(box["x"] + 3, box["y"] + 21)
    assert "two 0.5" in reading.inner_text() and "step 1" in reading.inner_text()
    tab.close()


# --- hostile text -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """(page, the run's name): the same text as run, metric, suite, question, response, answer, part and outcome."""
    folder = tmp_path_factory.mktemp("hostile")
    name = EVIL.replace("/", "∕")
    sample = {"prompt": EVIL, "response": EVIL, "ground_truth": EVIL, "pred": EVIL, "parts": {EVIL: 1}, "outcome": EVIL,
              "data_source": EVIL, "score": 1e999, "format": 1, "acc": 0}  # fmt: skip
    samples = {1: [sample, {**sample, "response": "lone \ud800 half"}]}
    metrics = {1: {"critic/score/mean": 0.5, EVIL: 1.0, **validated(**{EVIL: 0.5})}}
    made = run(folder / name, metrics, samples=samples)
    summary.write(made, out=folder)
    return folder / "report.html", name


def test_what_models_and_users_wrote_stays_text(started, hostile):
    path, name = hostile
    tab, seen = visit(started, path)
    assert seen.said == [] and seen.asked == [path.as_uri()]
    assert tab.title() == tab.locator("h1").inner_text() == name
    assert tab.locator("img, iframe, object, form[action], a[href^=javascript]").count() == 0
    assert tab.locator("script:not([type])").count() == 1
    assert tab.locator("pre.response").inner_text() == EVIL
    shown = tab.locator("#detail").inner_text()
    assert shown.count(EVIL) == 6  # question, ground truth, title, outcome, answer, response; a part's name in capitals
    assert tab.locator("#list .snippet").first.inner_text() == EVIL[:120]
    tab.select_option("#metric", EVIL)
    assert tab.locator("#other figcaption").inner_text() == EVIL
    tab.fill("#query", "alert(2)")
    tab.locator("#found", has_text="2 of 2").wait_for()
    tab.fill("#query", "half")
    tab.locator("#found", has_text="1 of 2").wait_for()
    assert seen.said == []
    tab.close()


def test_the_policy_forbids_requests_and_other_scripts(started, finished):
    tab, _ = visit(started, finished)
    blocked = tab.evaluate(
        """async () => {
          const found = [];
          document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
          document.body.append(Object.assign(new Image(), { src: "https://example.org/x.png" }));
          document.body.append(Object.assign(document.createElement("script"), { src: "https://example.org/x.js" }));
          document.body.append(Object.assign(document.createElement("script"), { textContent: "window.ran = 1" }));
          document.body.append(Object.assign(document.createElement("iframe"), { src: "https://example.org" }));
          await fetch("https://example.org").catch(() => 0);
          await new Promise((done) => setTimeout(done, 200));
          return [found.sort(), "ran" in window];
        }"""
    )
    assert blocked == [["connect-src", "frame-src", "img-src", "script-src-elem", "script-src-elem"], False]
    tab.close()


# --- episodes ---------------------------------------------------------------------------------------------------------

TRUTH = encode("sokoban", board="######/#P_XO#/######", rules="ragen_v1", shortest=2)
PLAYED = {"prompt": "board", "ground_truth": TRUTH, "data_source": "sokoban/2", "outcome": "success", "acc": 1.0,
          "score": 10.8, "format": 1.0}  # fmt: skip
BOARDS = ["######\n#P_XO#\n######", "######\n#_PXO#\n######", "######\n#__P√#\n######"]


def evaluated(made: Run, *rows: dict) -> None:
    """Put rows into the run as one of its evaluations."""
    (made.folder / "evaluation/step_1/cell").mkdir(parents=True)
    lines = (json.dumps({"sample": at, **row}) + "\n" for at, row in enumerate(rows))
    (made.folder / "evaluation/step_1/cell/samples.jsonl").write_text("".join(lines))


def test_an_episode_is_played_back_and_forth(started, tmp_path):
    turns = ["<think>two to go</think><answer>Up || Right</answer>", "<answer>Right</answer>"]
    row = {**PLAYED, "response": "both", "moves": "Up Right/Right", "ended": "success",
           "turn_responses": [{"response": text} for text in turns]}  # fmt: skip
    made = run(tmp_path / "r")
    evaluated(made, row)
    text = summary.write(made)
    assert "turn 2: Right, reward 10.9, so far 10.7" in text and "      outcome: success" in text
    tab, seen = visit(started, tmp_path / "r/report.html")
    tab.locator(".episode").wait_for()
    board, told, wrote = (tab.locator(f".episode .{name}") for name in ("board", "told", "wrote"))
    assert board.inner_text() == BOARDS[0] and told.inner_text() == "start · 3 moves" and wrote.is_hidden()
    on, back = tab.get_by_label("One move on"), tab.get_by_label("One move back")
    assert back.is_disabled()
    on.click()
    assert told.inner_text() == "turn 1 · move 1 of 3: Up · reward -0.1 · so far -0.1"
    assert board.inner_text() == BOARDS[0]
    on.click()
    assert board.inner_text() == BOARDS[1] and wrote.inner_text() == turns[0] and wrote.locator(".answer").count()
    on.click()
    assert board.inner_text() == BOARDS[2] and wrote.inner_text() == turns[1] and on.is_disabled()
    assert told.inner_text() == "turn 2 · move 3 of 3: Right · reward +10.9 · so far 10.7 · ended: success"
    back.click()
    assert board.inner_text() == BOARDS[1]
    tab.locator(".episode").focus()
    for key, shown in (("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0), ("End", 2), ("ArrowRight", 2)):
        tab.keyboard.press(key)
        assert board.inner_text() == BOARDS[shown], key
    tab.get_by_label("Move of the episode").fill("2")
    assert board.inner_text() == BOARDS[1]
    tab.get_by_label("To the start").click()
    tab.get_by_label("Play", exact=True).click()
    tab.locator(".episode .told", has_text="ended: success").wait_for()
    tab.get_by_label("Play", exact=True).wait_for()  # it has stopped by itself
    assert tab.locator("pre.response").inner_text() == "both" and seen.said == []
    tab.close()


def test_episodes_of_samples_and_dumps_are_played_too(started, tmp_path):
    kept = {**PLAYED, "response": "x", "extra_info": {"moves": "Right/?"}, "outcome": "out_of_tokens", "acc": 0.0,
            "masked": True, "score": 1.5, "score_before": 2.5, "left_out": True}  # fmt: skip
    made = run(tmp_path / "r", samples={1: [kept, {**PLAYED, "response": "one answer", "masked": False}]})
    made.validation.mkdir()
    dump = {"input": "b", "output": "y", "gts": TRUTH, "score": 1.0, "acc": 1.0, "moves": "Right/Right", "step": 2}
    (made.validation / "2.jsonl").write_text(json.dumps(dump))
    assert "An episode (validation, step 2), move by move:" in summary.write(made)
    tab, seen = visit(started, tmp_path / "r/report.html")
    found, told = tab.locator("#found"), tab.locator(".episode .told")
    tab.select_option("#kind", label="validation")
    tab.locator("#list button").first.click()
    tab.get_by_label("To the end").click()
    assert "turn 2 · move 2 of 2: Right" in told.inner_text()
    tab.select_option("#kind", label="training")
    tab.locator("#list button", has_text="out_of_tokens").click()
    tab.locator("pre.response", has_text="x").wait_for()
    tab.get_by_label("To the end").click()
    end = "turn 2 · move 2 of 2: ? (no action) · reward -0.1 · so far -0.2 · ended: out_of_tokens"
    assert told.inner_text() == end
    facts = tab.locator(".panel dl").inner_text()
    assert "score before parts of groups and tokens\n2.5" in facts and "masked\nyes" in facts
    assert found.inner_text() == "2 of 3 responses" and tab.locator("#truncated").is_hidden()
    for box in ("#masked", "#left_out"):
        tab.check(box)
        assert found.inner_text() == "1 of 3 responses"
        tab.uncheck(box)
    tab.locator("#list button", has_text="success").click()
    tab.locator("pre.response", has_text="one answer").wait_for()
    assert tab.locator(".episode").count() == 0 and "score before" not in tab.locator(".panel dl").inner_text()
    assert seen.said == []
    tab.close()


class Anything:
    """A game that takes any text and shows it."""

    actions = None

    def reset(self, seed=None):
        return EVIL, {}

    def step(self, action):
        return action, 0.5, False, False, {}


ODD_MOVES = [
    json.dumps([[EVIL, "lone \ud800 half"], [EVIL]]), "[" * 9000, "null", '{"a": 1}', '[["' + "x" * 90_000 + '"]]',
    "/" * 9000, "[[1, null, {}], 5]", EVIL,
]  # fmt: skip


def test_a_hostile_move_stays_text(started, tmp_path):
    environments.environment("any_text", bounded=True)(lambda truth: Anything())
    truth = encode("any_text", rules="ragen_2025_02")
    rows = [{"response": EVIL, "prompt": str(at), "ground_truth": truth, "moves": moves, "data_source": "x",
             "turn_responses": [{"response": EVIL}] * 2, "ended": EVIL}
            for at, moves in enumerate(ODD_MOVES)]  # fmt: skip
    rows += [{**row, "ground_truth": TRUTH, "prompt": f"s{at}"} for at, row in enumerate(rows)]
    rows += [{**rows[0], "ground_truth": odd, "prompt": odd} for odd in ("{}", EVIL, encode("sokoban", board=EVIL))]
    made = run(tmp_path / "r")
    evaluated(made, *rows)
    summary.write(made)
    tab, seen = visit(started, tmp_path / "r/report.html")
    assert tab.locator("#found").inner_text() == f"{len(rows)} of {len(rows)} responses"
    for button in tab.locator("#list button").all():
        button.click()
        tab.locator("pre.response", has_text="alert(1)").wait_for()
    tab.locator("#list button").first.click()
    tab.locator(".episode").wait_for()
    assert tab.locator(".episode .board").inner_text() == EVIL
    tab.get_by_label("One move on").click()
    assert EVIL in tab.locator(".episode .told").inner_text()
    assert tab.locator(".episode .wrote").inner_text() == tab.locator(".episode .board").inner_text() == EVIL
    assert tab.locator("img, iframe, object").count() == 0 and tab.locator("script:not([type])").count() == 1
    assert seen.said == [] and seen.asked == [(tmp_path / "r/report.html").as_uri()]
    tab.close()


# --- texts beside the page --------------------------------------------------------------------------------------------


def test_texts_beside_the_page_are_read_when_asked_for(started, tmp_path):
    samples = {n: [{"response": f"needle {n} \u2028 </script>", "prompt": f"straw {n}"}] for n in range(3)}
    path = tmp_path / "a # folder ? of 50 %/report.html"
    page.write(path, curves.read([run(tmp_path / "r", samples=samples)]), [], [[]], most=1)
    tab, seen = visit(started, path)
    tab.locator("pre.response", has_text="needle 0").wait_for()
    assert tab.locator("pre.response").inner_text() == "needle 0 \u2028 </script>"
    assert [Path(url).parent.name for url in seen.asked[1:]] == ["report_texts"]
    tab.fill("#query", "needle 2")
    tab.locator("#found", has_text="were not searched").wait_for()
    tab.check("#everywhere")
    tab.locator("#found", has_text="1 of 3").wait_for()
    tab.close()
    next((path.parent / "report_texts").iterdir()).unlink()
    tab, _ = visit(started, path)
    tab.locator("pre.response", has_text="which is not beside the page").wait_for()
    assert tab.locator("#found").inner_text() == "3 of 3 responses"
    tab.close()


# --- looks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_name_is_too_long_for_a_screen(started, tmp_path, width):
    long = "x" * 120
    sample = {"response": "y" * 5000, "prompt": long * 9, "data_source": long, "outcome": long, "pred": long * 2,
              "ground_truth": long, "parts": {long: 1.0}}  # fmt: skip
    curve = {n: {"critic/score/mean": 0.5, **validated(**{long: 0.5, "b": 0.1})} for n in (1, 2)}
    runs = [run(tmp_path / (letter + long), curve, samples={1: [sample]}) for letter in "ab"]
    summary.write(*runs, out=tmp_path / "out")
    tab, seen = visit(started, tmp_path / "out/report.html", viewport={"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.said == []
    tab.close()


def test_dark_and_in_print(started, finished, tmp_path):
    tab, seen = visit(started, finished, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(ground) == "rgb(20, 23, 27)"
    tab.emulate_media(media="print")
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    assert tab.locator("#filters").is_hidden() and tab.locator("#list").is_hidden()
    assert tab.locator("pre.response").is_visible() and tab.locator("#charts canvas").count() == 9
    assert tab.pdf(path=tmp_path / "page.pdf").startswith(b"%PDF")
    assert seen.said == []
    tab.close()


def test_a_run_with_nothing_has_a_page(started, tmp_path):
    summary.write(run(tmp_path / "r"))
    tab, seen = visit(started, tmp_path / "r/report.html")
    assert tab.locator("#found").inner_text() == "The runs kept no responses."
    assert "No step has been trained yet." in tab.locator("#charts").inner_text()
    assert seen.said == []
    tab.close()
