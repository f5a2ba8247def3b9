#!/usr/bin/env bash
# GRPO-Bias-Inverse, the advantage plus 0.1 on every token, on GSM8K: Qwen2.5-1.5B, 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" grpo_bias_inverse_gsm8k "$@"
