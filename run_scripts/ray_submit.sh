#!/usr/bin/env bash
# A recipe, or a script of run_scripts/, as a Ray job on the cluster's head: it goes on when this terminal is closed.
#   NNODES=2 RAY_HEAD=first-node bash run_scripts/ray_submit.sh simplerl_v1_grpo trainer.total_epochs=2
# Its log: ray job logs ID; to stop it: ray job stop ID (both with --address http://HEAD:8265).
source "$(dirname "${BASH_SOURCE[0]}")/ray.sh"
[[ -n ${RAY_HEAD:-} ]] || die "say where the head is: RAY_HEAD=first-node bash run_scripts/ray_submit.sh RECIPE ..."
find_script "${1:-}"
use_gpu_or_cpu train
printf -v command '%q ' "${SCRIPT[@]}" "${@:2}"
variables=$(python -c 'import json, os, sys
print(json.dumps({"env_vars": {name: os.environ[name] for name in sys.argv[1:] if os.environ.get(name)}}))' \
  MODEL GPUS NNODES CPU RUN RUNS SETTINGS SOURCE TEST_SOURCE EVAL_SOURCE FEW MANY WANDB DOUBTS VENV \
  HF_HOME HF_ENDPOINT HF_HUB_OFFLINE R1_VERL_SCORERS R1_VERL_ENVIRONMENTS RAY_AUTH_MODE)
submit=(ray job submit --address "http://$RAY_HEAD:$RAY_DASHBOARD_PORT" --no-wait --runtime-env-json "$variables"
  -- bash -c "cd $(printf %q "$ROOT") && exec $command")
if [[ ${DRY_RUN:-} == 1 ]]; then
  printf '# would run:'
  printf ' %q' "${submit[@]}"
  printf '\n'
  DRY_RUN=1 exec "${SCRIPT[@]}" "${@:2}"
fi
exec "${submit[@]}"
