#!/usr/bin/env bash
# Logic-RL's first stage, three people: Qwen2.5-7B-Instruct-1M, 4 GPUs of 80 GB; logicrl_stages.sh runs all three.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" logicrl_stage1 "$@"
