#!/usr/bin/env bash
# GSM8K with PPO and four KL coefficients, four runs one after the other: Qwen2.5-1.5B, 4 GPUs of 80 GB.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for kl in 3e-4 1e-3 1e-2 3e-2; do
  RUN=gsm8k_ppo_kl_$kl bash run_scripts/train.sh gsm8k_ppo "algorithm.kl_ctrl.kl_coef=$kl" "$@"
done
