#!/usr/bin/env bash
# oat-zero: GRPO of Qwen2.5-3B on Countdown, 8 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" oat_zero "$@"
