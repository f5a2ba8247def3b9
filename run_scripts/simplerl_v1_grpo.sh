#!/usr/bin/env bash
# SimpleRL-Zoo (v1): GRPO of Qwen2.5-7B on MATH levels 3 to 5, 2 nodes of 8 GPUs of 80 GB (NNODES=2).
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" simplerl_v1_grpo "$@"
