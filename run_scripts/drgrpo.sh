#!/usr/bin/env bash
# Dr. GRPO: Qwen2.5-Math-7B on MATH levels 3 to 5, 8 GPUs (recipes: r1_verl/recipes/drgrpo*.yaml).
#   bash run_scripts/drgrpo.sh qwen_math      # ChatML prompt, boxed answers
#   bash run_scripts/drgrpo.sh r1             # R1 prompt, responses end at </answer>
# Without the hub: SOURCE=a file of the hub's form.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what=qwen_math
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi
use_gpu_or_cpu train
case $what in
  qwen_math)
    prepare drgrpo data_prep/math8k.py --style drgrpo ${SOURCE:+--source "$SOURCE" --test-size 500}
    train drgrpo "$@"
    ;;
  r1)
    prepare drgrpo_r1 data_prep/math8k.py --style drgrpo_r1 ${SOURCE:+--source "$SOURCE" --test-size 500}
    train drgrpo_r1 "$@"
    ;;
  *) die "drgrpo.sh $what: choose qwen_math or r1" ;;
esac
