#!/usr/bin/env bash
# Train a recipe, by name or file: what run_scripts/NAME.sh does for the recipe NAME.
#   bash run_scripts/train.sh tinyzero_ppo trainer.total_epochs=1     # any setting of veRL, last
#   DRY_RUN=1 bash run_scripts/train.sh my_recipe.yaml                # print what would run
# It sets the environment up, makes missing data, looks for what would go wrong, trains, and resumes an interrupted run.
# Variables: run_scripts/README.md.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[[ -n ${1:-} && $1 != *=* && $1 != -* ]] ||
  die "name a recipe first: bash run_scripts/train.sh tinyzero_ppo KEY=VALUE ..."
use_gpu_or_cpu train
((${NNODES:-1} == 1)) || export RAY_AUTH_MODE=token # the cluster of ray_head.sh
exec python -m r1_verl train "$(here "$1")" "${@:2}" # which reads MODEL, GPUS, NNODES and SETTINGS
