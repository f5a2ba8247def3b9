# shellcheck shell=bash
# Sourced by tinyzero_ppo.sh and tinyzero_grpo.sh.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# tinyzero RECIPE [overrides]: TinyZero's data (made if missing), then the run.
tinyzero() {
  local recipe=$1
  shift
  setup_environment train
  # DATA=hub takes Jiayi-Pan/Countdown-Tasks-3to4 and TinyZero's split; the generator needs no network.
  if [[ ${DRY_RUN:-} != 1 && ! -f data/tinyzero/train.parquet ]]; then
    if [[ ${DATA:-generate} == generate ]]; then
      python data_prep/countdown.py --out data/tinyzero --style raw --train-size 327680 --test-size 1024
    else
      python data_prep/countdown.py --out data/tinyzero --style raw --source "$DATA" --split order \
        --train-size 327680 --test-size 1024 --rest drop
    fi
  fi
  exec python -m r1_verl train "$recipe" ${MODEL:+"actor_rollout_ref.model.path=$MODEL"} \
    ${GPUS:+"trainer.n_gpus_per_node=$GPUS"} ${NNODES:+"trainer.nnodes=$NNODES"} "$@"
}
