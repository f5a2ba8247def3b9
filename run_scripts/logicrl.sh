#!/usr/bin/env bash
# Logic-RL on Knights and Knaves: Qwen2.5-7B-Instruct-1M (recipes: r1_verl/recipes/logicrl_*.yaml).
#   bash run_scripts/logicrl.sh stages          # three people, five people, annealing; each from the last one's end
#   bash run_scripts/logicrl.sh stage2          # one of them: goes on if interrupted, RUN=name repeats it,
#                                               # MODEL=folder starts it without the stage before
#   bash run_scripts/logicrl.sh grpo            # main_grpo.sh as published
#   bash run_scripts/logicrl.sh reinforce_pp    # REINFORCE++ as published
#   bash run_scripts/logicrl.sh curriculum      # 3, 4, 5, 6, 7 people, an epoch each
# On fewer GPUs: GPUS=2, actor_rollout_ref.actor.ppo_max_token_len_per_gpu=8192
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what=stages
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi

use_gpu_or_cpu train
for people in ${PEOPLE:-3 4 5 6 7}; do
  prepare "kk/${people}ppl" data_prep/kk.py --people "$people" --style raw_instruct
done

case $what in
  stages)
    # MODEL and RUN are for one stage; the first one's model can be given here.
    train logicrl_stage1 "$@"
    unset MODEL
    train logicrl_stage2 "$@"
    train logicrl_stage3 "$@"
    ;;
  stage[123] | grpo | reinforce_pp) train "logicrl_$what" "$@" ;;
  curriculum)
    before=null
    for people in 3 4 5 6 7; do
      export RUN=logicrl_curriculum_${people}ppl
      train logicrl_curriculum "data.train_files=data/kk/${people}ppl/train.parquet" "+r1_verl.after=$before" "$@"
      before=$RUN
      unset MODEL
    done
    ;;
  *) die "logicrl.sh $what: choose stages, stage1, stage2, stage3, grpo, reinforce_pp or curriculum" ;;
esac
