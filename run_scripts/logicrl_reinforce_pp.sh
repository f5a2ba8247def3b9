#!/usr/bin/env bash
# Logic-RL with REINFORCE++ on puzzles of three people: Qwen2.5-7B-Instruct-1M, 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" logicrl_reinforce_pp "$@"
