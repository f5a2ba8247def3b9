#!/usr/bin/env bash
# A recipe, or a script of run_scripts/, as a SLURM job: sbatch is filled from the same variables, Ray's symmetric-run
# starts the cluster on all nodes, runs the script on the first one and ends the cluster with it.
#   bash run_scripts/slurm.sh simplerl_v0_ppo        # on the recipe's own number of nodes; NNODES=2: on two
#   SBATCH_PARTITION=gpu SBATCH_TIMELIMIT=2-00 bash run_scripts/slurm.sh simplerl_v1_grpo     # sbatch's own variables
# The job takes whole nodes and asks for 8 cards on each. SLURM refuses that where a node has 4: say GPUS=4, and the
# recipe trains on 4 a node. Without GPUS the recipe trains on its own number, and Ray counts every card that is there.
# Where compute nodes have no network, make .venv and data beforehand (on a node with GPUs: a login node without any
# gets the CPU build of vLLM).
source "$(dirname "${BASH_SOURCE[0]}")/ray.sh"
find_script "${1:-}"
NNODES=${NNODES:-$(nodes_of "${1%.sh}")}
export NNODES
printf -v command '%q ' bash run_scripts/slurm.sh "$@"

if [[ -z ${SLURM_JOB_ID:-} ]]; then # submit
  submit=(sbatch --nodes="$NNODES" --ntasks-per-node=1 --gpus-per-node="${GPUS:-8}" --exclusive --mem=0
    --chdir="$ROOT" --job-name="r1-verl-$(basename "${1%.*}")" --output=slurm-%j.log --export=ALL --wrap="$command")
  if [[ ${DRY_RUN:-} == 1 ]]; then
    printf '# would run:'
    printf ' %q' "${submit[@]}"
    printf '\n'
    exec "${SCRIPT[@]}" "${@:2}"
  fi
  command -v sbatch >/dev/null || die "no sbatch here: this needs SLURM; without it ray_head.sh and ray_worker.sh"
  exec "${submit[@]}"
fi

use_gpu_or_cpu train # in the job, on the first node
((SLURM_JOB_NUM_NODES > 1)) || exec "${SCRIPT[@]}" "${@:2}"
ray_counts
make_token
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p) # head -n 1 may end before scontrol does
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=$RAY_WAIT
exec srun --ntasks-per-node=1 --cpu-bind=none ray symmetric-run --address "$head:$RAY_PORT" \
  --min-nodes "$SLURM_JOB_NUM_NODES" "${COUNTS[@]}" -- "${SCRIPT[@]}" "${@:2}"
