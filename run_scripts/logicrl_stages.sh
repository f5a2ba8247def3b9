#!/usr/bin/env bash
# Logic-RL's three stages on Knights and Knaves, one after the other: Qwen2.5-7B-Instruct-1M, 4 GPUs of 80 GB.
#   bash run_scripts/logicrl_stages.sh
#   FEW=2 MANY=3 bash run_scripts/logicrl_stages.sh     # easier puzzles: 2 and 3 people instead of 3 and 5
# The same command goes on where it was interrupted. A stage alone: logicrl_stage1.sh and so on.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# on PEOPLE: the data files of the puzzles of that many people.
on() { printf '%s\n' "data.train_files=data/kk/$1ppl/train.parquet" "data.val_files=data/kk/$1ppl/test.parquet"; }
mapfile -t few < <(on "${FEW:-3}")
mapfile -t many < <(on "${MANY:-5}")

# 1. A few people, one epoch: the model learns the format.
bash run_scripts/train.sh logicrl_stage1 "${few[@]}" "$@"
unset MODEL # that was the first stage's
# 2. More people, from the last checkpoint of stage 1.
bash run_scripts/train.sh logicrl_stage2 "${many[@]}" "$@"
# 3. Annealing on the same puzzles, from the last checkpoint of stage 2.
bash run_scripts/train.sh logicrl_stage3 "${many[@]}" "$@"
