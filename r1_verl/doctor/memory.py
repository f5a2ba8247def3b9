"""Estimate what one GPU holds, in GiB, while vLLM generates, in the actor's update and in the critic's; and check it.

The estimate is a rough sum of the parts that are known to be there. It leaves out fragmentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from r1_verl.doctor import attention
from r1_verl.doctor.model import Model, model_of
from r1_verl.doctor.nvidia import gpus
from r1_verl.doctor.problem import Check, Problem
from r1_verl.recipes.resolvers import FLASH

GIB = 2**30
ENGINE_EXTRA = 2.5  # while vLLM generates: what it takes beside its share, CUDA's and NCCL's contexts
SLEEPING = 4.0  # in an update: the contexts, and what a sleeping vLLM keeps
ENGINE_WORKSPACE = 3.0  # inside vLLM's share, beside weights and KV cache
FEWEST_RESPONSES = 16  # responses of full length that an engine should hold at once, if as many are asked for
MASK_BYTES = 5  # a pair of tokens: sdpa's mask of a packed row (1), and its bias (4)


class Shape(NamedTuple):
    """Sizes of a decoder. params: all of them; head: of one attention head; words: the vocabulary."""

    params: float
    hidden: int
    wide: int
    layers: int
    kv_heads: int
    head: int
    words: int


class Memory(NamedTuple):
    """GiB a GPU in each of the three moments (critic: 0 without one), and the largest of them in words."""

    generating: float
    update: float
    critic: float
    text: str

    @property
    def most(self) -> float:
        return max(self.generating, self.update, self.critic)


def shape_of(model: Model) -> Shape | None:
    """A model's sizes from its config.json, else roughly from the size in its name; None if that is unknown too."""
    if model.params is None:
        return None
    config, params = model.read("config.json"), model.params * 1e9
    try:
        hidden, heads = config["hidden_size"], config["num_attention_heads"]
        return Shape(
            params, hidden, config["intermediate_size"], config["num_hidden_layers"],
            config.get("num_key_value_heads", heads), config.get("head_dim") or hidden // heads, config["vocab_size"],
        )  # fmt: skip
    except (KeyError, TypeError, ZeroDivisionError):
        hidden = 128 * round(10 * model.params**0.45)
        return Shape(params, hidden, 5 * hidden, 32, 4, 128, 152_000)


def memory(config: Any, card: float) -> Memory | None:
    """What a recipe needs on cards of `card` GiB; None for a model of unknown size."""
    ref, shape = config.actor_rollout_ref, shape_of(model_of(config))
    if shape is None:
        return None
    has_critic = config.algorithm.adv_estimator == "gae"
    actor_kept = _kept(config, shape, ref.actor.fsdp_config)
    critic_kept = _kept(config, shape, config.critic.fsdp) if has_critic else 0.0
    engine = ref.rollout.gpu_memory_utilization * card
    logits = _logits(config, shape)
    tokens = _tokens(config, ref.actor, ref.actor.ppo_max_token_len_per_gpu)
    working = _working(config, shape, tokens, ref.model)
    generating = engine + actor_kept + critic_kept + ENGINE_EXTRA
    update = _trained(config, shape, ref.actor.fsdp_config) + critic_kept + working + logits + SLEEPING
    critic = 0.0
    if has_critic:
        tokens = _tokens(config, config.critic, config.critic.get("ppo_infer_max_token_len_per_gpu") or 32768)
        working = _working(config, shape, tokens, config.critic.model)
        critic = _trained(config, shape, config.critic.fsdp) + actor_kept + working + SLEEPING
    said = {
        generating: f"vLLM {engine:.0f}, weights and moments beside it {actor_kept + critic_kept:.0f}, in generation",
        update: f"logits and their gradients {logits:.0f}, weights, moments, gradients and activations "
        f"{update - logits:.0f}, in the actor's update",
        critic: "in the critic's update",
    }
    return Memory(generating, update, critic, said[max(generating, update, critic)])


def summary(config: Any) -> str:
    """What a recipe needs, in one line for people; "" without GPUs or for a model of unknown size."""
    if config.trainer.device != "cuda":
        return ""
    here = [card.total for card in gpus() if card.total]
    published = re.search(r"(\d+) GB", str((config.get("r1_verl") or {}).get("about", {}).get("gpu")))
    card = min(here) if here else float(published[1]) if published else 80.0
    need = memory(config, card)
    if need is None:
        return ""
    critic = f", {need.critic:.0f} in the critic's" if need.critic else ""
    return (
        f"Each GPU of {card:.0f} GiB holds about {need.generating:.0f} while vLLM generates, {need.update:.0f} in the "
        f"actor's update{critic} (estimates)"
    )


class Cache(NamedTuple):
    """One vLLM engine's memory on a card, in GiB: its share, the weights in it, the room left for the KV cache, what a
    token takes there; and the tokens of the longest text that vLLM is told to hold."""

    share: float
    weights: float
    room: float
    token: float
    longest: int


def cache(config: Any, card: float) -> Cache | None:
    """The KV cache of a recipe's rollout on cards of `card` GiB; None for a model of unknown size."""
    rollout, model = config.actor_rollout_ref.rollout, model_of(config)
    shape = shape_of(model)
    if shape is None:
        return None
    parts = rollout.tensor_model_parallel_size
    share, weights = rollout.gpu_memory_utilization * card, shape.params * 2 / parts / GIB
    heads = max(1, shape.kv_heads // parts)  # vLLM repeats heads where there are fewer than parts
    longest = rollout.max_model_len or model.read("config.json").get("max_position_embeddings") or 32768
    token = 2 * 2 * shape.layers * heads * shape.head / GIB  # keys and values, two bytes each
    return Cache(share, weights, share - weights - ENGINE_WORKSPACE, token, longest)


def check_cache(config: Any) -> Iterator[Problem]:
    """vLLM's share holds the weights, and beside them the longest text and enough responses to work on."""
    sizes = [card.total for card in gpus() if card.total]
    found = cache(config, min(sizes)) if config.trainer.device == "cuda" and sizes else None
    if found is None:
        return
    rollout = config.actor_rollout_ref.rollout
    more = f"actor_rollout_ref.rollout.gpu_memory_utilization above {rollout.gpu_memory_utilization}"
    if found.share < found.weights:
        yield Problem(
            f"vLLM's share of {found.share:.0f} GiB does not hold the model's {found.weights:.0f} GiB in bf16",
            f"{more}, a larger tensor_model_parallel_size, or a smaller MODEL",
        )
        return
    engines = _world(config) / rollout.tensor_model_parallel_size
    at_once = min(config.data.train_batch_size * rollout.n / engines, rollout.max_num_seqs)
    wanted = config.data.max_prompt_length + config.data.max_response_length
    full = found.room / found.token / wanted
    room = f"vLLM's share of {found.share:.0f} GiB leaves {max(0, found.room):.1f} for the KV cache"
    if found.room < found.token * found.longest:
        fixes = [more]
        if found.longest > wanted:
            fixes.insert(0, f"actor_rollout_ref.rollout.max_model_len={wanted}")
        why = "" if rollout.max_model_len else ": the model has so many positions"
        yield Problem(
            f"{room}, one text of {found.longest} tokens (rollout.max_model_len{why}) takes "
            f"{found.token * found.longest:.1f}: vLLM refuses to start",
            ", or ".join([*fixes, "a larger tensor_model_parallel_size"]),
        )
    elif full < min(at_once, FEWEST_RESPONSES):
        yield Problem(
            f"{room}, room for {full:.0f} responses of full length where {at_once:.0f} are asked for at once: vLLM "
            "would stop and begin again with most of them",
            f"{more} (actor and moments offloaded: 0.75 is usual), or a larger tensor_model_parallel_size",
        )


def check_memory(config: Any) -> Iterator[Problem]:
    """Each card holds what the recipe puts on it."""
    cards = [card for card in gpus()[: config.trainer.n_gpus_per_node] if card.total]
    if config.trainer.device != "cuda" or not cards:
        return
    card = min(cards, key=lambda card: card.total)
    need = memory(config, card.total)
    if need and need.most > card.total:
        yield Problem(
            f"about {need.most:.0f} GiB a GPU are needed ({need.text}), a {card.name} has {card.total:.0f}",
            "smaller actor.ppo_max_token_len_per_gpu (critic.ppo_infer_max_token_len_per_gpu) or "
            "rollout.gpu_memory_utilization, actor.fsdp_config.param_offload=True and optimizer_offload=True "
            "(critic.fsdp the same), a smaller MODEL, or more GPUS",
        )


def _world(config: Any) -> int:
    return config.trainer.n_gpus_per_node * config.trainer.nnodes


def _trainable(config: Any, shape: Shape) -> float:
    """Parameters that are trained: all, or LoRA's two narrow matrices beside each linear layer."""
    rank = config.actor_rollout_ref.model.lora_rank
    if not rank:
        return shape.params
    keys = shape.kv_heads * shape.head
    ends = 4 * shape.hidden + 2 * (shape.hidden + keys) + 3 * (shape.hidden + shape.wide)  # q and o; k and v; the MLP
    return rank * shape.layers * ends


def _weight_bytes(part: Any) -> int:
    return 2 if part.model_dtype in ("bf16", "bfloat16", "fp16") else 4


def _kept(config: Any, shape: Shape, part: Any) -> float:
    """Weights and Adam's two fp32 moments that stay on the card when this model does not train."""
    weights = 0 if part.param_offload else shape.params * _weight_bytes(part)
    moments = 0 if part.optimizer_offload else 8 * _trainable(config, shape)
    return (weights + moments) / _world(config) / GIB


def _trained(config: Any, shape: Shape, part: Any) -> float:
    """Weights, moments and gradients of the model that trains, offloaded meanwhile or not."""
    weight = _weight_bytes(part)
    return (shape.params * weight + (8 + weight) * _trainable(config, shape)) / _world(config) / GIB


def _tokens(config: Any, part: Any, limit: int) -> int:
    """Tokens of a micro-batch on one card."""
    longest = config.data.max_prompt_length + config.data.max_response_length
    if not part.use_dynamic_bsz:
        return (part.ppo_micro_batch_size_per_gpu or 1) * longest
    all_of_them = config.data.train_batch_size * config.actor_rollout_ref.rollout.n * longest // _world(config)
    return min(limit, max(longest, all_of_them))


def _working(config: Any, shape: Shape, tokens: int, model: Any) -> float:
    """Activations, the weights that FSDP2 gathers for a layer and for the vocabulary, and sdpa's mask."""
    flash = attention.of_model(model) == FLASH
    one_layer = tokens * (12 * shape.hidden + 4 * shape.wide) * 2  # recomputed in the backward pass, in bf16
    layers = 1 if model.enable_gradient_checkpointing else shape.layers
    inputs = tokens * shape.hidden * shape.layers * 2
    in_a_layer = 2 * shape.hidden * (shape.hidden + shape.kv_heads * shape.head) + 3 * shape.hidden * shape.wide
    gathered = 2 * (shape.words * shape.hidden + in_a_layer)
    mask = 0 if flash else MASK_BYTES * tokens**2
    return (inputs + layers * one_layer + gathered + mask) / GIB


def _logits(config: Any, shape: Shape) -> float:
    """The copies of bf16 logits in the actor's update: they and their gradient; both again where a temperature divides
    them; one gradient more from the entropy. flash_attn's kernel writes the first gradient over them, ours does not."""
    ref = config.actor_rollout_ref
    entropy = bool(ref.actor.entropy_coeff or ref.actor.calculate_entropy)
    flash = attention.of_model(ref.model) == FLASH
    copies = 2 + 2 * (ref.rollout.temperature != 1) + entropy - (flash and not entropy)
    return copies * _tokens(config, ref.actor, ref.actor.ppo_max_token_len_per_gpu) * shape.words * 2 / GIB


CHECKS: tuple[Check, ...] = (check_cache, check_memory)
