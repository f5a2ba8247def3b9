#!/usr/bin/env bash
# The former script of GRPO-Bias: each of its runs has a script of its own.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
forward gsm8k gsm8k=grpo_bias_gsm8k inverse_gsm8k=grpo_bias_inverse_gsm8k countdown=grpo_bias_countdown \
  inverse_countdown=grpo_bias_inverse_countdown countdown_baseline=countdown_grpo -- "$@"
