#!/usr/bin/env bash
# DAPO: Qwen2.5-32B on DAPO-Math-17k, 16 nodes of 8 GPUs (recipe: r1_verl/recipes/dapo.yaml).
#   NNODES=16 bash run_scripts/dapo.sh
#   MODEL=Qwen/Qwen2.5-7B NNODES=1 bash run_scripts/dapo.sh data.max_response_length=8192 \
#     actor_rollout_ref.actor.ulysses_sequence_parallel_size=4 \
#     actor_rollout_ref.actor.fsdp_config.ulysses_sequence_parallel_size=4
# Ulysses shares out the attention heads among that many GPUs: 8 in the recipe, for the 40 heads of the 32B model; 4 for
# the 28 of this one. More than 1 needs the package flash_attn; without it set both to 1.
# Without the hub: SOURCE=train.parquet EVAL_SOURCE=file
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_gpu_or_cpu train
prepare dapo data_prep/dapo.py ${SOURCE:+--source "$SOURCE"}
prepare dapo_eval data_prep/eval_suites.py --suites aime24 --style dapo ${EVAL_SOURCE:+--source "$EVAL_SOURCE"}
train dapo "$@"
