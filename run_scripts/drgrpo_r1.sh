#!/usr/bin/env bash
# Dr. GRPO under the R1 prompt: Qwen2.5-Math-7B on MATH levels 3 to 5, 8 GPUs of 40 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" drgrpo_r1 "$@"
