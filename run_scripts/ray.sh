# shellcheck shell=bash
# Sourced by what starts or uses a Ray cluster of several nodes. Variables, the same on every node:
#   NNODES         how many nodes
#   GPUS           GPUs a node (default: those that are there, and of those what CUDA_VISIBLE_DEVICES shows)
#   RAY_CPUS       CPUs that Ray counts a node, no cores: veRL asks for 3 a GPU and 9 more (default: 3 x GPUS + 16)
#   RAY_HEAD       the head's host name or address (ray_worker.sh, ray_submit.sh)
#   RAY_PORT       6379; RAY_DASHBOARD_PORT 8265 (Ray Jobs)
#   RAY_WAIT       seconds to wait for the others (600)
# All nodes need this checkout, its .venv and the data at the same path, and RUNS on a disk that they share.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
RAY_PORT=${RAY_PORT:-6379}
RAY_DASHBOARD_PORT=${RAY_DASHBOARD_PORT:-8265}
RAY_WAIT=${RAY_WAIT:-600}
export RAY_AUTH_MODE=token
TOKEN=${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}

# gpus_here: prints this node's number of cards. A node without any counts one stand-in: one worker process.
gpus_here() {
  local count=0
  if [[ -n ${GPUS:-} ]]; then
    count=$GPUS
  elif [[ ${CPU:-} != 1 ]] && has_gpu; then
    if [[ -n ${CUDA_VISIBLE_DEVICES+set} ]]; then
      # CUDA reads no further than the first entry that is no card.
      count=$(tr , '\n' <<<"$CUDA_VISIBLE_DEVICES" | sed -E '/^(-1|NoDevFiles)?$/,$d' | grep -c .) || true
    else
      count=$(nvidia-smi -L | grep -c '^GPU ') || true # below a card stand its slices (MIG), indented
    fi
  fi
  [[ $count != 0 ]] || count=1
  printf '%s' "$count"
}

# ray_counts: the array COUNTS for `ray start`.
# shellcheck disable=SC2034 # the scripts that source this read COUNTS
ray_counts() {
  local gpus
  gpus=$(gpus_here)
  COUNTS=(--num-gpus="$gpus" --num-cpus="${RAY_CPUS:-$((3 * gpus + 16))}")
}

has_token() { [[ -n ${RAY_AUTH_TOKEN:-} || -s $TOKEN ]]; }

# make_token: on first use, in the home folder, for its owner's eyes; never printed.
make_token() {
  has_token || [[ ${DRY_RUN:-} == 1 ]] || (umask 077 && ray get-auth-token --generate >/dev/null 2>&1) ||
    die "Ray could not make a token in $TOKEN"
}

# start_ray NAME COMMAND...: run `ray start`, and say why if it fails.
start_ray() {
  local said what=$1
  shift
  if [[ ${DRY_RUN:-} == 1 ]]; then
    printf '# would run: %s\n' "$*"
    return
  fi
  if ! said=$("$@" 2>&1); then
    printf '%s\n' "$said" | tail -n 15 >&2
    die "$what did not start (see above); a stale Ray on this machine is ended by: ray stop --force"
  fi
}
