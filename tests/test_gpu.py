"""Two real steps on one GPU: `bash run_scripts/test.sh gpu`. Skipped where there is no card.

Each recipe runs as published on its model's stand-in, with small sizes; this shows that the parts start and fit
together on a card (CUDA builds, attention, vLLM's kernels, weight sync, sleep and wake), not that a published size fits
or learns.
"""

from __future__ import annotations

import shutil
import subprocess

import pytest
import two_steps

from r1_verl.runs import read_curve

RECIPES = {
    "GRPO": "gsm8k_grpo", "PPO with a critic": "gsm8k_ppo", "LoRA": "unsloth_gsm8k", "raw prompt": "tinyzero_grpo",
    "R1-Distill": "deepscaler_8k",
}  # fmt: skip
ALIKE = 0.99  # correlation of the probabilities that vLLM and the trainer give the same tokens, both in bf16


def card() -> str:
    """The first card's name, "" where there is none."""
    if not shutil.which("nvidia-smi"):
        return ""
    done = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout else ""


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(two_steps.TIME_LIMIT + 300),
    pytest.mark.skipif(not card(), reason="no NVIDIA card here: nothing of this has been shown on this machine"),
]


@pytest.mark.parametrize("kind", RECIPES)
def test_two_steps_on_a_card(kind, tmp_path, capsys):
    found = two_steps.run(RECIPES[kind], tmp_path / RECIPES[kind], device="cuda")
    assert found.status == 0, found.said
    last = read_curve(found.run)[-1].data
    alike = two_steps.agreement(found.run)
    with capsys.disabled():
        print(
            f"\n{kind} ({RECIPES[kind]}) on {card()}: {found.seconds:.0f} s, {last['perf/throughput']:.0f} tokens/s, "
            f"{last['actor/perf/max_memory_allocated_gb']:.1f} GB at most, engines correlate {alike:.4f}"
        )
    two_steps.record(RECIPES[kind], found, card())
    assert alike > ALIKE
