#!/usr/bin/env bash
# SimpleRL on MATH levels 3 to 5 (recipes: r1_verl/recipes/simplerl_*.yaml).
#   NNODES=2 bash run_scripts/simplerl.sh v1       # SimpleRL-Zoo: GRPO, Qwen2.5-7B, 2 x 8 GPUs
#   NNODES=4 bash run_scripts/simplerl.sh v0       # PPO, Qwen2.5-Math-7B, 4 x 8 GPUs
#   bash run_scripts/simplerl.sh v0_1node          # the same on 8 GPUs
# Several nodes: ray_head.sh and ray_worker.sh first, or slurm.sh.
# Without the hub: SOURCE=simplelr_qwen_level3to5_train.parquet, its own form.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what=v1
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi
use_gpu_or_cpu train
case $what in
  v1)
    prepare simplerl_v1 data_prep/math8k.py --style simplerl ${SOURCE:+--source "$SOURCE" --test-size 500}
    train simplerl_v1_grpo "$@"
    ;;
  v0 | v0_1node)
    prepare simplerl_v0 data_prep/math8k.py --style simplerl_v0 ${SOURCE:+--source "$SOURCE" --test-size 500}
    train "simplerl_v0_ppo${what#v0}" "$@"
    ;;
  *) die "simplerl.sh $what: choose v1, v0 or v0_1node" ;;
esac
