#!/usr/bin/env bash
# GSM8K with GRPO, the baseline of GRPO-Bias: Qwen2.5-1.5B, 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" gsm8k_grpo "$@"
