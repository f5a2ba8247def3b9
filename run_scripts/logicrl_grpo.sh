#!/usr/bin/env bash
# Logic-RL's main_grpo.sh on puzzles of three people: Qwen2.5-7B-Instruct-1M, 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" logicrl_grpo "$@"
