# shellcheck shell=bash
# Sourced by tinyzero_ppo.sh, tinyzero_grpo.sh and others that train on Countdown under TinyZero's prompt.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# tinyzero RECIPE [overrides]: TinyZero's data (made if missing), then the run. The generator needs no network;
# SOURCE=hub takes Jiayi-Pan/Countdown-Tasks-3to4 and TinyZero's split.
tinyzero() {
  local from=()
  [[ -n ${SOURCE:-} ]] && from=(--source "$SOURCE" --split order --rest drop)
  use_gpu_or_cpu train
  prepare tinyzero data_prep/countdown.py --style raw --train-size 327680 --test-size 1024 "${from[@]}"
  train "$@"
}
