#!/usr/bin/env bash
# One of the scripts as a Ray job on the cluster's head: it goes on when this terminal is closed.
#   NNODES=2 RAY_HEAD=first-node bash run_scripts/ray_submit.sh logicrl.sh stages trainer.total_epochs=2
# Its log: ray job logs ID; to stop it: ray job stop ID (both with --address http://HEAD:8265).
source "$(dirname "${BASH_SOURCE[0]}")/ray.sh"
[[ -n ${RAY_HEAD:-} ]] || die "say where the head is: RAY_HEAD=first-node bash run_scripts/ray_submit.sh SCRIPT ..."
[[ -n ${1:-} && -f run_scripts/$1 ]] || die "name a script of run_scripts/: bash run_scripts/ray_submit.sh logicrl.sh stages"
use_gpu_or_cpu train
printf -v command '%q ' bash "run_scripts/$1" "${@:2}"
variables=$(python -c 'import json, os, sys
print(json.dumps({"env_vars": {name: os.environ[name] for name in sys.argv[1:] if os.environ.get(name)}}))' \
  MODEL GPUS NNODES CPU RUN RUNS SETTINGS SOURCE TEST_SOURCE EVAL_SOURCE WANDB VENV HF_HOME HF_ENDPOINT HF_HUB_OFFLINE \
  R1_VERL_SCORERS RAY_AUTH_MODE)
submit=(ray job submit --address "http://$RAY_HEAD:$RAY_DASHBOARD_PORT" --no-wait --runtime-env-json "$variables"
  -- bash -c "cd $(printf %q "$ROOT") && exec $command")
if [[ ${DRY_RUN:-} == 1 ]]; then
  printf '# would run:'
  printf ' %q' "${submit[@]}"
  printf '\n'
  DRY_RUN=1 exec bash "run_scripts/$1" "${@:2}"
fi
exec "${submit[@]}"
