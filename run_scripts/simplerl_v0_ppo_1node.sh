#!/usr/bin/env bash
# SimpleRL-Zero (v0) on one node: PPO of Qwen2.5-Math-7B on MATH levels 3 to 5, 8 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" simplerl_v0_ppo_1node "$@"
