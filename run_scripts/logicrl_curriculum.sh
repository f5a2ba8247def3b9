#!/usr/bin/env bash
# Logic-RL's curriculum: puzzles of 3, 4, 5, 6, 7 people, an epoch each: Qwen2.5-7B-Instruct-1M, 8 GPUs of 80 GB.
#   bash run_scripts/logicrl_curriculum.sh              # MANY=4: validated on four people instead of five
# Each level is a run of its own, logicrl_curriculum_4ppl and so on, from the last checkpoint of the one before.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
before=null
for people in 3 4 5 6 7; do
  export RUN=logicrl_curriculum_${people}ppl
  bash run_scripts/train.sh logicrl_curriculum "data.train_files=data/kk/${people}ppl/train.parquet" \
    "data.val_files=data/kk/${MANY:-5}ppl/test.parquet" "+r1_verl.after=$before" "$@"
  before=$RUN
  unset MODEL # that was the first level's
done
