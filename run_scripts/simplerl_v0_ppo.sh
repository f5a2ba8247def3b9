#!/usr/bin/env bash
# SimpleRL-Zero (v0): PPO of Qwen2.5-Math-7B on MATH levels 3 to 5, 4 nodes of 8 GPUs of 80 GB (NNODES=4).
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" simplerl_v0_ppo "$@"
