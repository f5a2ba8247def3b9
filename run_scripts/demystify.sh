#!/usr/bin/env bash
# Demystifying Long CoT: PPO with a cosine length reward and a repetition penalty, R1-Distill-Qwen-7B on MATH, 8 nodes of 8
# GPUs of 80 GB (NNODES=8).
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" demystify "$@"
