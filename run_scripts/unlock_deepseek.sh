#!/usr/bin/env bash
# unlock-deepseek (Datawhale-R1): Mini-R1 in Chinese, 2 GPUs (recipe: r1_verl/recipes/unlock_deepseek.yaml).
#   bash run_scripts/unlock_deepseek.sh
#   SOURCE=hub bash run_scripts/unlock_deepseek.sh      # Jiayi-Pan/Countdown-Tasks-3to4 instead of generated puzzles
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_gpu_or_cpu train
prepare unlock_deepseek data_prep/countdown.py --style unlock_deepseek --train-size 45000 --test-size 1000 --rest drop \
  ${SOURCE:+--source "$SOURCE"}
train unlock_deepseek "$@"
