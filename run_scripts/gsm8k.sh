#!/usr/bin/env bash
# GSM8K, Qwen2.5-1.5B on 4 GPUs (recipes: r1_verl/recipes/gsm8k_*.yaml).
#   bash run_scripts/gsm8k.sh ppo
#   bash run_scripts/gsm8k.sh kl_sweep        # PPO with KL 3e-4, 1e-3, 1e-2, 3e-2: four runs, one after the other
#   bash run_scripts/gsm8k.sh grpo            # the baseline of GRPO-Bias
# Without the hub: SOURCE=train.jsonl.gz TEST_SOURCE=test.jsonl.gz
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what=ppo
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi
from=(${SOURCE:+--source "$SOURCE"} ${TEST_SOURCE:+--test-source "$TEST_SOURCE"})
use_gpu_or_cpu train
case $what in
  ppo)
    prepare gsm8k data_prep/gsm8k.py --style marked "${from[@]}"
    train gsm8k_ppo "$@"
    ;;
  kl_sweep)
    prepare gsm8k data_prep/gsm8k.py --style marked "${from[@]}"
    for kl in 3e-4 1e-3 1e-2 3e-2; do
      RUN=gsm8k_ppo_kl_$kl train gsm8k_ppo "algorithm.kl_ctrl.kl_coef=$kl" "$@"
    done
    ;;
  grpo)
    prepare gsm8k_bias data_prep/gsm8k.py --style marked_bias "${from[@]}"
    train gsm8k_grpo "$@"
    ;;
  *) die "gsm8k.sh $what: choose ppo, kl_sweep or grpo" ;;
esac
