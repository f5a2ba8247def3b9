#!/usr/bin/env bash
# open-r1's GRPO demos on 8 GPUs (recipes: r1_verl/recipes/openr1_*.yaml).
#   bash run_scripts/openr1.sh qwen_1_5b      # Qwen2.5-1.5B-Instruct on NuminaMath-TIR
#   bash run_scripts/openr1.sh math_7b        # Qwen2.5-Math-7B on MATH
#   bash run_scripts/openr1.sh distill_7b     # DeepSeek-R1-Distill-Qwen-7B on NuminaMath-TIR
# Without the hub: SOURCE=a file of the hub's form.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what=qwen_1_5b
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi
use_gpu_or_cpu train
case $what in
  qwen_1_5b | distill_7b)
    prepare openr1_tir data_prep/numina_tir.py --style openr1 ${SOURCE:+--source "$SOURCE" --test-size 100}
    ;;
  math_7b)
    prepare openr1_math data_prep/math_lighteval.py --style openr1_math ${SOURCE:+--source "$SOURCE" --test-size 500}
    ;;
  *) die "openr1.sh $what: choose qwen_1_5b, math_7b or distill_7b" ;;
esac
train "openr1_$what" "$@"
