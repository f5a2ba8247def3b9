#!/usr/bin/env bash
# Logic-RL's second stage, five people, from the last checkpoint of logicrl_stage1: 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" logicrl_stage2 "$@"
