#!/usr/bin/env bash
# Dr. GRPO: Qwen2.5-Math-7B on MATH levels 3 to 5 under a ChatML prompt, 8 GPUs of 40 GB.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
forward "" qwen_math=drgrpo r1=drgrpo_r1 -- "$@" # what this script took before drgrpo_r1 had one
exec bash run_scripts/train.sh drgrpo "$@"
