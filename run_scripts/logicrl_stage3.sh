#!/usr/bin/env bash
# Logic-RL's third stage, annealing, from the last checkpoint of logicrl_stage2: 4 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" logicrl_stage3 "$@"
