"""Stages: where a run starts that follows another, and model folders of checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import stand_ins
import two_steps
import yaml
from scripts import SMALL, script

from r1_verl import cli
from r1_verl.runs import Run, RunError
from r1_verl.training import fold, stages, tiny_model


def checkpoint(run: Run, step: int, weights: bytes = b"weights") -> None:
    """A run's checkpoint as veRL lays it out; with weights: save_contents had hf_model in it."""
    folder = run.checkpoints / f"global_step_{step}" / "actor" / "huggingface"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    if weights:
        (folder / "model.safetensors").write_bytes(weights)
    (run.checkpoints / "latest_checkpointed_iteration.txt").write_text(str(step))
    (run.folder / "config.yaml").write_text("{}")


def test_a_stage_starts_from_the_last_checkpoint_of_the_one_before(tmp_path):
    first, second = Run(tmp_path / "first"), Run(tmp_path / "second")
    with pytest.raises(RunError, match=r"run that stage first, skip it with MODEL="):
        stages.start("first", second)
    checkpoint(first, 10)
    checkpoint(first, 20)
    start = stages.start("first", second)
    assert start == str(tmp_path / "first/models/step_20") and (Path(start) / "model.safetensors").is_file()
    assert not list(tmp_path.glob("first/models/*.part"))


def test_a_stage_that_has_begun_keeps_its_start(tmp_path):
    first, second = Run(tmp_path / "first"), Run(tmp_path / "second")
    checkpoint(first, 10)
    second.folder.mkdir()
    (second.folder / "config.yaml").write_text(yaml.safe_dump({stages.MODEL: stages.start("first", second)}))
    checkpoint(first, 20)
    assert stages.start("first", second).endswith("step_10")
    assert stages.start("first", Run(tmp_path / "again")).endswith("step_20")  # repeated under another name


def test_a_checkpoint_is_exported_by_hand(tmp_path, capsys, monkeypatch):
    run = Run(tmp_path / "runs/mine")
    checkpoint(run, 5)
    checkpoint(run, 9)
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    assert cli.main(["export", "mine", str(tmp_path / "out"), "--step", "5"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out")
    assert cli.main(["export", str(run.folder)]) == 0 and (run.folder / "models/step_9/config.json").is_file()
    assert cli.main(["export", "mine", "--step", "7"]) == 2
    assert "has no checkpoint of step 7 (there are: [5, 9])" in capsys.readouterr().err
    assert cli.main(["export", "mien"]) == 2
    assert "no run 'mien', neither a run's folder nor a name below" in capsys.readouterr().err


def test_an_export_is_made_once_and_overwrites_nothing(tmp_path, capsys):
    run, out = Run(tmp_path / "runs/mine"), tmp_path / "out"
    checkpoint(run, 5, weights=b"five")
    checkpoint(run, 9, weights=b"nine")
    name, export = str(run.folder), ["export", str(run.folder), str(out)]
    assert cli.main([*export, "--step", "5"]) == 0
    record = json.loads((out / "exported_from.json").read_text())
    assert (record["run"], record["step"]) == (name, 5)
    assert cli.main([*export, "--step", "5"]) == 0
    said = capsys.readouterr()
    assert f"{out} was made before, of this very checkpoint (step 5)" in said.err and str(out) in said.out
    assert cli.main(export) == 2
    assert f"{out} holds step 5 of the run {name}, of other weights: name another OUT" in capsys.readouterr().err
    (run.checkpoints / "global_step_5/actor/huggingface/model.safetensors").write_bytes(b"again")
    assert cli.main([*export, "--step", "5"]) == 2  # the run was trained anew since
    assert (out / "model.safetensors").read_bytes() == b"five"
    shutil.copytree(run.folder, tmp_path / "moved")
    assert cli.main(["export", str(tmp_path / "moved"), str(tmp_path / "other")]) == 0
    assert cli.main(["export", name, str(tmp_path / "other")]) == 0  # the same checkpoint, wherever it lies


@pytest.mark.parametrize(
    ("inside", "said"),
    [("config.json", "holds a model, and no record"), ("notes.txt", "holds files, and no record"), ("", "")],
)
def test_an_export_leaves_what_is_there(tmp_path, inside, said):
    run, out = Run(tmp_path / "run"), tmp_path / "out"
    checkpoint(run, 5)
    out.mkdir()
    if not inside:  # an empty folder is made for it
        assert stages.export(run, out) == out and (out / "model.safetensors").is_file()
        return
    (out / inside).write_text("mine")
    with pytest.raises(RunError, match=rf"{said} .*name another OUT"):
        stages.export(run, out)
    assert [path.name for path in out.iterdir()] == [inside]


def test_an_export_of_torn_checkpoints(tmp_path, capsys):
    run = Run(tmp_path / "run")
    for step in (5, 9, 10):
        checkpoint(run, step)
    shutil.rmtree(run.checkpoints / "global_step_10/actor")
    (run.checkpoints / "global_step_9/actor/model_world_size_1_rank_0.pt").write_bytes(b"PK\x03\x04 cut")
    assert stages.export(run) == run.folder / "models/step_5"
    said = capsys.readouterr().err
    assert "global_step_10 has no folder actor" in said and "The last whole checkpoint: step 5." in said
    for step, lacks in ((10, "has no folder actor"), (9, "is torn: actor/model_world_size_1_rank_0.pt was cut off")):
        with pytest.raises(RunError, match=rf"global_step_{step} {lacks}.*there are: \[5\]"):
            stages.export(run, step=step)


@pytest.mark.parametrize("kept", ["all", "adapter"])
def test_a_lora_checkpoint_is_folded(tmp_path, kept):
    """Shards as veRL writes them (names are PEFT's), whole or of the adapter alone (save_lora_only)."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base, actor = tiny_model.build(tmp_path / "base", seed=1), tmp_path / "actor"
    shutil.copytree(base, actor / "huggingface")
    config = LoraConfig(r=4, lora_alpha=24, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    trained = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), config)
    saved = {name: tensor for name, tensor in trained.state_dict().items() if kept == "all" or "lora_" in name}
    torch.save(saved, actor / "model_world_size_1_rank_0.pt")
    (actor / "fsdp_config.json").write_text('{"world_size": 1}')
    (actor / fold.META).write_text('{"r": 4, "lora_alpha": 24}')
    fold.fold(actor, tmp_path / "out", str(base))
    ids = torch.arange(100)[None]
    with torch.no_grad():
        folded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")(ids).logits
        assert (folded - trained(ids).logits).abs().max() < 1e-4  # the logits are about 100 times those of a real run
        assert (folded - AutoModelForCausalLM.from_pretrained(base)(ids).logits).abs().max() > 0.1
    assert {"tokenizer.json", "generation_config.json"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_an_adapter_of_another_kind_is_refused(tmp_path):
    import torch

    one = torch.ones(2, 2)
    layer = {"base_model.model.q.base_layer.weight": one, "base_model.model.q.lora_A.default.weight": one}
    for other in ("q.lora_magnitude_vector.default.weight", "embed.lora_embedding_A.default"):
        with pytest.raises(ValueError, match="not plain LoRA"):
            fold.merged(layer | {f"base_model.model.{other}": one}, 1.0, dict)
    (tmp_path / "adapter_config.json").write_text('{"use_rslora": true, "r": 4}')
    (tmp_path / fold.META).write_text('{"r": 4, "lora_alpha": 4}')
    with pytest.raises(ValueError, match="no plain LoRA: use_rslora"):
        fold._scaling(tmp_path, str(tmp_path))


@pytest.mark.long
def test_a_merger_that_fails_is_quoted_and_leaves_nothing(tmp_path):
    run = Run(tmp_path / "run")
    checkpoint(run, 3, weights=b"")  # nothing to merge: veRL's merger itself says so
    with pytest.raises(RunError, match=r"model merger could not convert[\s\S]*Error[\s\S]*all nodes share"):
        stages.export(run)
    assert not (run.folder / "models/step_3").exists()


# --- for real ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """The scripts' variables for two steps on a CPU: its model's stand-in, small sizes, else as published."""
    (tmp_path / "model").mkdir()
    stand_ins.build("Qwen/Qwen2.5-7B-Instruct-1M", tmp_path / "model")
    (tmp_path / "settings").write_text(SMALL)
    two_steps.checkout(tmp_path / "checkout")
    return two_steps.environment(tmp_path, "cpu") | {"FEW": "2", "MANY": "3"}


@pytest.mark.train
@pytest.mark.timeout(3000)
def test_the_three_stages_of_logic_rl(small, tmp_path):
    """Each from the last one's checkpoint (FSDP shards, merged by veRL), by the script that a GPU run uses.

    The last two train on Logic-RL's own files, as they are, where there is a data folder.
    """
    if files := two_steps.published("kk/logic_rl/3ppl"):
        shutil.copytree(files, tmp_path / "checkout/data/kk/3ppl")
    done = script("logicrl_stages", env=small, timeout=2900)
    runs = tmp_path / "runs"
    for before, stage in (("logicrl_stage1", "logicrl_stage2"), ("logicrl_stage2", "logicrl_stage3")):
        start = runs / before / "models/step_2"
        assert f"Stage {stage!r} starts from run {before!r}: {start}" in done.stdout
        assert list(start.glob("*.safetensors"))
    assert all(Run(runs / f"logicrl_stage{i}").last_checkpoint() == 2 for i in (1, 2, 3))
    again = script("logicrl_stages", env=small)
    assert again.stdout.count("is finished (2 steps)") == 3


@pytest.fixture(scope="module")
def lora(tmp_path_factory):
    """(folder, run): two steps of a LoRA recipe, with what makes an untrained model's adapter move.

    Its rewards are all 0, so the gradient is that of the entropy. `hf_model` adds to the checkpoint's folder
    `huggingface` what veRL calls a model: base and adapter under PEFT's names.
    """
    folder = tmp_path_factory.mktemp("lora")
    changes = ("actor_rollout_ref.actor.entropy_coeff=0.1", "actor_rollout_ref.actor.optim.lr=0.01",
               "actor_rollout_ref.actor.checkpoint.save_contents=[model,optimizer,extra,hf_model]")  # fmt: skip
    done = two_steps.run("unsloth_gsm8k", folder, changes=changes)
    assert done.status == 0, done.said
    yield folder, done.run
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.train
@pytest.mark.timeout(2000)
@pytest.mark.parametrize("hf_model", [True, False])
def test_an_adapter_is_folded_in(lora, hf_model, tmp_path):
    """The exported model's logits are those of base and adapter, put together by PEFT, and not those of the base."""
    folder, trained = lora
    run = Run(tmp_path / "run")
    shutil.copytree(trained.folder, run.folder)
    actor = run.checkpoints / "global_step_2/actor"
    assert list(actor.glob("huggingface/*.safetensors"))
    if not hf_model:
        for file in actor.glob("huggingface/*.safetensors"):
            file.unlink()
    exported = logits(stages.export(run))
    base = logits(folder / "model")
    with_adapter = logits(folder / "model", actor)
    assert (exported - with_adapter).abs().max() < 1e-5
    assert (base - with_adapter).abs().max() > 1e-2


@pytest.mark.train
@pytest.mark.timeout(2000)
def test_a_stage_after_lora_starts_from_base_and_adapter(lora):
    import torch
    from safetensors.torch import load_file

    folder, trained = lora
    env = two_steps.environment(folder, "cpu") | {"RUN": "second"}
    env.pop("MODEL")
    done = script("unsloth_gsm8k", f"++r1_verl.after={trained.folder.name}", env=env)
    start = trained.folder / "models/step_2"
    assert f"Stage 'second' starts from run 'unsloth_gsm8k': {start}" in done.stdout
    second = Run(folder / "runs/second")
    assert yaml.safe_load((second.folder / "config.yaml").read_text())[stages.MODEL] == str(start)
    name = "model.layers.1.mlp.up_proj.{}weight"
    shards = second.checkpoints / "global_step_2/actor/model_world_size_1_rank_0.pt"
    base = torch.load(shards, weights_only=False)["base_model.model." + name.format("base_layer.")].to_local()
    assert torch.equal(base, load_file(start / "model.safetensors")[name.format("")])


def logits(model: Path, actor: Path | None = None):
    """What a model folder computes in fp32; actor: the checkpoint whose adapter PEFT puts on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    if actor:
        config = {"r": 64, "lora_alpha": 64, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
        loaded = get_peft_model(loaded, LoraConfig(**config))
        shards = torch.load(actor / "model_world_size_1_rank_0.pt", weights_only=False)
        adapter = {name: tensor.to_local() for name, tensor in shards.items() if "lora_" in name}
        assert adapter and not loaded.load_state_dict(adapter, strict=False).unexpected_keys
    with torch.no_grad():
        return loaded(torch.arange(200)[None]).logits


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path):
    yield
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
