#!/usr/bin/env bash
# TinyZero with GRPO on Countdown: Qwen2.5-3B, 2 GPUs (recipe: r1_verl/recipes/tinyzero_grpo.yaml).
#   bash run_scripts/tinyzero_grpo.sh
#   MODEL=Qwen/Qwen2.5-1.5B GPUS=1 bash run_scripts/tinyzero_grpo.sh data.train_batch_size=128
# On out-of-memory: actor_rollout_ref.actor.ppo_max_token_len_per_gpu=8192
source "$(dirname "${BASH_SOURCE[0]}")/tinyzero.sh"
tinyzero tinyzero_grpo "$@"
