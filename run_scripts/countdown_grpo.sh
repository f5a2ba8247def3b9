#!/usr/bin/env bash
# Countdown with GRPO, the baseline of GRPO-Bias: Qwen2.5-1.5B, 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" countdown_grpo "$@"
