#!/usr/bin/env bash
# TinyZero with GRPO on Countdown: Qwen2.5-3B, 2 GPUs of 141 GB; less memory: see its recipe.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" tinyzero_grpo "$@"
