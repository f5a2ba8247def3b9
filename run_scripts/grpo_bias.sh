#!/usr/bin/env bash
# GRPO-Bias and its inverse (recipes: r1_verl/recipes/grpo_bias_*.yaml), Qwen2.5-1.5B on 4 GPUs.
#   bash run_scripts/grpo_bias.sh gsm8k                 # the advantage minus 0.1 on every token
#   bash run_scripts/grpo_bias.sh inverse_gsm8k         # plus 0.1
#   bash run_scripts/grpo_bias.sh countdown             # and inverse_countdown, countdown_baseline (plain GRPO)
#   bash run_scripts/grpo_bias.sh gsm8k algorithm.grpo_bias=0.2
source "$(dirname "${BASH_SOURCE[0]}")/tinyzero.sh"
what=gsm8k
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi
case $what in
  gsm8k | inverse_gsm8k)
    use_gpu_or_cpu train
    prepare gsm8k_bias data_prep/gsm8k.py --style marked_bias \
      ${SOURCE:+--source "$SOURCE"} ${TEST_SOURCE:+--test-source "$TEST_SOURCE"}
    train "grpo_bias_$what" "$@"
    ;;
  countdown | inverse_countdown) tinyzero "grpo_bias_$what" "$@" ;;
  countdown_baseline) tinyzero countdown_grpo "$@" ;;
  *) die "grpo_bias.sh $what: choose gsm8k, inverse_gsm8k, countdown, inverse_countdown or countdown_baseline" ;;
esac
