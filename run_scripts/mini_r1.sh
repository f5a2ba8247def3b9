#!/usr/bin/env bash
# Mini-R1: GRPO of Qwen2.5-3B-Instruct on Countdown, 4 GPUs (recipe: r1_verl/recipes/mini_r1.yaml).
#   bash run_scripts/mini_r1.sh
#   SOURCE=hub bash run_scripts/mini_r1.sh      # Jiayi-Pan/Countdown-Tasks-3to4 instead of generated puzzles
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_gpu_or_cpu train
prepare mini_r1 data_prep/countdown.py --style mini_r1 --train-size 45000 --test-size 1000 --rest drop \
  ${SOURCE:+--source "$SOURCE"}
train mini_r1 "$@"
