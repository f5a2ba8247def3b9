#!/usr/bin/env bash
# Logic-RL on Knights and Knaves: Qwen2.5-7B-Instruct-1M (recipes: r1_verl/recipes/logicrl_*.yaml).
#   bash run_scripts/logicrl.sh stages          # three people, five people, annealing; each from the last one's end
#   bash run_scripts/logicrl.sh stage2          # one of them: goes on if interrupted, RUN=name repeats it,
#                                               # MODEL=folder starts it without the stage before
#   bash run_scripts/logicrl.sh grpo            # main_grpo.sh as published
#   bash run_scripts/logicrl.sh reinforce_pp    # REINFORCE++ as published
#   bash run_scripts/logicrl.sh curriculum      # 3, 4, 5, 6, 7 people, an epoch each
# FEW=2 MANY=3 takes easier puzzles (3 and 5 people are published).
# On two GPUs of 80 GB it fits barely (about 73): GPUS=2, actor_rollout_ref.actor.ppo_max_token_len_per_gpu=8192
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what=stages
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi

# kk PEOPLE: the puzzles of that many people. Only 398 exist for two, none of them among Logic-RL's test rows.
kk() {
  local less=()
  [[ $1 != 2 ]] || less=(--split mem_kk --train-size 250)
  prepare "kk/$1ppl" data_prep/kk.py --people "$1" --style raw_instruct "${less[@]}"
}

# on PEOPLE RECIPE [overrides]: train on the puzzles of that many people.
on() {
  kk "$1"
  train "$2" "data.train_files=data/kk/$1ppl/train.parquet" "data.val_files=data/kk/$1ppl/test.parquet" "${@:3}"
}

use_gpu_or_cpu train
few=${FEW:-3} many=${MANY:-5}
case $what in
  stages)
    on "$few" logicrl_stage1 "$@"
    unset MODEL # that was the first one's
    on "$many" logicrl_stage2 "$@"
    on "$many" logicrl_stage3 "$@"
    ;;
  stage1 | grpo | reinforce_pp) on "$few" "logicrl_$what" "$@" ;;
  stage2 | stage3) on "$many" "logicrl_$what" "$@" ;;
  curriculum)
    before=null
    kk "$many" # all levels are validated on these
    for people in 3 4 5 6 7; do
      kk "$people"
      export RUN=logicrl_curriculum_${people}ppl
      train logicrl_curriculum "data.train_files=data/kk/${people}ppl/train.parquet" "+r1_verl.after=$before" "$@"
      before=$RUN
      unset MODEL
    done
    ;;
  *) die "logicrl.sh $what: choose stages, stage1, stage2, stage3, grpo, reinforce_pp or curriculum" ;;
esac
