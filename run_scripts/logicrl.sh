#!/usr/bin/env bash
# The former script of Logic-RL: each of its runs has a script of its own. FEW and MANY count for single stages here.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
people="" files=()
case ${1:-} in
  stage1 | grpo | reinforce_pp) people=${FEW:-} ;;
  stage2 | stage3) people=${MANY:-} ;;
esac
[[ -z $people ]] ||
  files=("data.train_files=data/kk/${people}ppl/train.parquet" "data.val_files=data/kk/${people}ppl/test.parquet")
forward stages stages=logicrl_stages stage1=logicrl_stage1 stage2=logicrl_stage2 stage3=logicrl_stage3 \
  grpo=logicrl_grpo reinforce_pp=logicrl_reinforce_pp curriculum=logicrl_curriculum \
  -- "${1:-stages}" "${files[@]}" "${@:2}"
