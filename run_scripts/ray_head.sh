#!/usr/bin/env bash
# The head of a Ray cluster of several nodes, on this one; then wait for the others, with a count.
#   NNODES=2 bash run_scripts/ray_head.sh                          # on the first node
#   NNODES=2 RAY_HEAD=first-node bash run_scripts/ray_worker.sh    # on every other one
#   NNODES=2 bash run_scripts/simplerl_v1_grpo.sh                  # then here (or ray_submit.sh from anywhere)
# The token: made on first use in ~/.ray/auth_token, never printed. Nodes that do not share this home folder need a copy
# of that file (scp, mode 600). Variables: run_scripts/README.md. To end it: ray stop, on every node.
source "$(dirname "${BASH_SOURCE[0]}")/ray.sh"
no_words "$@"
[[ ${NNODES:-} =~ ^[1-9][0-9]*$ ]] || die "say how many nodes: NNODES=2 bash run_scripts/ray_head.sh"
use_gpu_or_cpu train
ray_counts
address=()
[[ -n ${RAY_HEAD:-} ]] && address=(--node-ip-address="$RAY_HEAD")
make_token
start_ray "the head" ray start --head --port="$RAY_PORT" --dashboard-host=0.0.0.0 \
  --dashboard-port="$RAY_DASHBOARD_PORT" "${address[@]}" "${COUNTS[@]}"
[[ ${DRY_RUN:-} == 1 ]] && exit
printf 'The head is up. On each other node: NNODES=%s RAY_HEAD=%s RAY_PORT=%s bash run_scripts/ray_worker.sh\n' \
  "$NNODES" "${RAY_HEAD:-$(hostname -f 2>/dev/null || hostname)}" "$RAY_PORT"
exec python -m r1_verl nodes "$NNODES" --wait "$RAY_WAIT"
