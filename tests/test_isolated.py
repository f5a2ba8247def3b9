"""Foreign environments in processes of their own: calls, faults, deadlines, ends; and what scores them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from r1_verl.environments import isolated
from r1_verl.environments.episode import Episode
from r1_verl.environments.isolated import EnvironmentFailedError, Isolated, close, opened
from r1_verl.environments.rules import RULES
from r1_verl.environments.sokoban import Sokoban
from r1_verl.ground_truth import encode
from r1_verl.names import UnknownNameError
from r1_verl.reward import compute_score

pytestmark = pytest.mark.long  # starts processes


@pytest.fixture(autouse=True)
def registered():
    import foreign  # noqa: F401 - as R1_VERL_ENVIRONMENTS=foreign does


def count(**truth) -> str:
    return encode("count", **{"goal": 2, "rules": "tiny", **truth})


def gone(process: psutil.Process, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    with contextlib.suppress(psutil.NoSuchProcess):  # a process may end between two looks at it
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
    return True


def test_a_foreign_environment_plays_as_its_own_object_would():
    world = opened(count())
    assert isinstance(world, Isolated) and world.actions == ("more", "stay")
    episode = Episode(world, RULES["tiny"])
    assert episode.observation == "0 of 2"
    assert episode.play("more").observation == "1 of 2"
    assert episode.play("stay").idle == 0 and episode.play("none").invalid == 1
    episode.play("more")
    assert (episode.outcome, episode.record()) == ("success", "more/stay/?/more")
    child = psutil.Process(world._child)
    close(world)
    assert gone(child)


def test_a_bounded_environment_needs_no_process():
    assert isinstance(opened(encode("sokoban", board="#####/#PXO#/#####", rules="tiny")), Sokoban)


def test_text_comes_back_as_a_tokenizer_takes_it():
    world = opened(encode("echo", rules="tiny"))
    world.reset()
    assert world.actions is None and world.step("Öffne!")[0] == "you said 'Öffne!' ?"


FAULTS = {
    "hang": "step() did not end within 0.5 s", "raise": "step() raised RuntimeError: the door is locked",
    "garbage": "step() returned text 'text', reward 'no number'", "exit": "its process ended in step()",
    "leak": "step() raised MemoryError", "long": "an observation of 300000 characters: at most 200000",
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_error_in_bounded_time_and_leaves_nothing_behind(fault):
    world = opened(count(fault=fault), deadline=0.5)
    child = psutil.Process(world._child)
    world.reset()
    began = time.monotonic()
    with pytest.raises(EnvironmentFailedError) as failed:
        world.step("more")
    assert str(failed.value).startswith(f"environment 'count': {FAULTS[fault]}")
    assert time.monotonic() - began < 5 and gone(child)
    with pytest.raises(EnvironmentFailedError, match="ended"):
        world.step("more")


def test_a_row_that_cannot_be_read_is_the_rows_fault():
    with pytest.raises(ValueError, match="goal=3"):
        opened(count(goal="three"))
    with pytest.raises(UnknownNameError, match="unknown environment 'cuont'; did you mean 'count'"):
        opened(encode("cuont"))
    with pytest.raises(ValueError, match="names no task"):
        opened("{}")


def test_a_killed_server_is_started_again():
    first = opened(count())
    isolated._server.process.kill()
    isolated._server.process.wait()
    with pytest.raises(EnvironmentFailedError):
        first.reset()
    assert opened(count()).reset()[0] == "0 of 2"


def test_nothing_outlives_a_caller_that_was_killed():
    program = (
        "import foreign, sys; from r1_verl.environments import isolated; from r1_verl.ground_truth import encode\n"
        "world = isolated.opened(encode('count', goal=2, fault='hang'), 600); world.reset()\n"
        "print(world._child, isolated._server.process.pid, flush=True); world.step('more')\n"
    )
    path = str(Path(__file__).parent)
    caller = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=path)
    processes = [psutil.Process(int(pid)) for pid in caller.stdout.readline().split()]
    caller.kill()
    caller.wait()
    assert all(gone(process) for process in processes)


# --- scoring ----------------------------------------------------------------------------------------------------------


def test_a_registered_environment_needs_no_scorer():
    won = compute_score("count", "", count(), {"moves": "more/?/more"}, mode="faithful")
    assert (won["acc"], won["score"], won["format"], won["outcome"]) == (1.0, 0.0, 0.0, "correct")
    assert won["parts"] == '{"moves": 1.0, "format": -1.0}'
    assert compute_score("count", "", count(), {"moves": "more/?/more"})["score"] == 1.0
    lost = compute_score("count/train", "", count(), {"moves": "more/stay"}, mode="faithful")
    assert (lost["acc"], lost["score"], lost["outcome"]) == (0.0, 0.0, "wrong")
    told = compute_score("count", "<answer>more, more</answer>", count())
    assert told["acc"] == 1.0
    assert compute_score("echo", "<answer>open</answer>", encode("echo", rules="tiny"))["acc"] == 1.0
    assert compute_score("echo", "", encode("echo", rules="tiny"), {"moves": '[["look"], ["open"]]'})["acc"] == 1.0
    assert compute_score("echo", "", encode("echo", rules="tiny"), {"moves": "no JSON"})["outcome"] == "unreadable"
    assert compute_score("count", "", count(goal=None), {"moves": "more"})["outcome"] == "bad_ground_truth"


def test_in_training_what_was_seen_is_believed():
    seen = {"success": True, "moves": 5.0, "penalty": -2.0}
    found = compute_score("count", "", count(fault="raise"), {"moves": "more", "played": seen}, mode="faithful")
    assert (found["acc"], found["score"]) == (1.0, 3.0)
    board = encode("sokoban", board="#####/#PXO#/#####", rules="tiny")
    assert compute_score("sokoban", "", board, {"moves": "Left", "played": seen})["acc"] == 0.0


def test_an_environment_that_fails_in_scoring_is_an_error_of_the_row(capfd):
    assert compute_score("count", "", count(fault="raise"), {"moves": "more"})["outcome"] == "error"
    assert "the door is locked" in capfd.readouterr().err
