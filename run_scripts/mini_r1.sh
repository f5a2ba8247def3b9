#!/usr/bin/env bash
# Mini-R1: GRPO of Qwen2.5-3B-Instruct on Countdown, 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" mini_r1 "$@"
