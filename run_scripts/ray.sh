# shellcheck shell=bash
# Sourced by what starts or uses a Ray cluster of several nodes. Its variables (run_scripts/README.md) are the same on
# every node. All nodes need this checkout, its .venv and the data at the same path, and RUNS on a shared disk.
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

# find_script NAME: the array SCRIPT, the command of a recipe (by name or .yaml file) or of a script of run_scripts/.
# shellcheck disable=SC2034 # the scripts that source this read SCRIPT
find_script() {
  local name near="bash run_scripts/train.sh $1 names the nearest"
  name=$(basename "${1%.sh}")
  if [[ -z $name ]]; then
    die "name a recipe first, as bash run_scripts/${0##*/} simplerl_v1_grpo"
  elif [[ $1 == *.yaml || $1 == *.yml ]]; then
    SCRIPT=(bash run_scripts/train.sh "$(here "$1")")
  elif [[ -f run_scripts/$name.sh ]]; then
    SCRIPT=(bash "run_scripts/$name.sh")
  else
    compgen -G "run_scripts/${name%%_*}*.sh" >/dev/null && near="near it: $(cd run_scripts && echo "${name%%_*}"*.sh)"
    die "there is no recipe or script $1; $near"
  fi
}

# no_words WORD...: dies of any word, where variables alone say what to do.
no_words() {
  [[ $# == 0 ]] || die "${0##*/} takes no arguments ($*): variables go before it, as RAY_HEAD=first-node"
}

# nodes_of RECIPE: the number of nodes that its YAML, or one that it builds on, sets; else 1.
nodes_of() {
  local file=r1_verl/recipes/$1.yaml parent nodes=""
  [[ -f $file ]] || file=$1
  while [[ -z $nodes && -f $file ]]; do
    nodes=$(sed -n 's/^  nnodes: *//p' "$file")
    parent=$(sed -n '/^defaults:/,/_self_/ s/^  - \([a-z0-9][a-z0-9_]*\)$/\1/p' "$file" | tail -n 1)
    file=r1_verl/recipes/$parent.yaml
  done
  printf '%s' "${nodes:-1}"
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
