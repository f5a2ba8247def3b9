#!/usr/bin/env bash
# This node joins the Ray cluster whose head is on RAY_HEAD (see ray_head.sh), waiting for it if it is not up yet.
#   RAY_HEAD=first-node bash run_scripts/ray_worker.sh
source "$(dirname "${BASH_SOURCE[0]}")/ray.sh"
no_words "$@"
[[ -n ${RAY_HEAD:-} ]] || die "say where the head is: RAY_HEAD=first-node bash run_scripts/ray_worker.sh"
# With a shared home folder the head makes the token while this node waits for it.
has_token || printf "no token here yet: if the home folder isn't the head's, copy its ~/.ray/auth_token\n"
# The head comes up when its environment stands: on a shared disk this node finds it made.
waited=0
until [[ ${DRY_RUN:-} == 1 ]] || (exec 3<>"/dev/tcp/$RAY_HEAD/$RAY_PORT") 2>/dev/null; do
  ((waited % 10)) || printf 'waiting for %s:%s (%s of %s s)\n' "$RAY_HEAD" "$RAY_PORT" "$waited" "$RAY_WAIT"
  ((waited >= RAY_WAIT)) && die "nothing answers at $RAY_HEAD:$RAY_PORT after $RAY_WAIT s: is ray_head.sh running there,
  is RAY_PORT the same, does a firewall let it through?"
  sleep 2
  waited=$((waited + 2))
done
if ! has_token && [[ ${DRY_RUN:-} != 1 ]]; then
  die "no token: copy the head's ~/.ray/auth_token to $TOKEN here (mode 600)"
fi
use_gpu_or_cpu train
ray_counts
start_ray "this node" ray start --address="$RAY_HEAD:$RAY_PORT" "${COUNTS[@]}"
[[ ${DRY_RUN:-} == 1 ]] || printf 'This node is in the cluster of %s:%s.\n' "$RAY_HEAD" "$RAY_PORT"
