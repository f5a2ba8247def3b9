#!/usr/bin/env bash
# open-r1: GRPO of Qwen2.5-Math-7B on MATH, 8 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" openr1_math_7b "$@"
