#!/usr/bin/env bash
# Logic-RL with DeepSeek-R1's language reward: GRPO of Qwen2.5-7B-Instruct-1M on puzzles of 3 people, 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" logicrl_language "$@"
