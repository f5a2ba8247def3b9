# shellcheck shell=bash
# Sourced by every script: an environment in .venv, made on first use and whenever the pinned set changes.
# The variables are in run_scripts/README.md.
set -euo pipefail
unset CDPATH

HERE=$PWD
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

# here PATH: prints a path that the user gave, from where the user stands if it is there, else as it is.
here() {
  if [[ $HERE != "$ROOT" && -n $1 && $1 != /* && -e $HERE/$1 ]]; then
    printf '%s' "$HERE/$1"
  else
    printf '%s' "$1"
  fi
}

# check_variables: dies of a value that would be ignored or fail later. A variable that is set to nothing is unset.
check_variables() {
  local name
  for name in CPU DRY_RUN WANDB; do
    [[ ${!name:-} =~ ^[01]?$ ]] || die "$name=${!name}: write $name=1, or leave it out"
  done
  [[ ${DOUBTS:-} =~ ^(ok)?$ ]] || die "DOUBTS=$DOUBTS: write DOUBTS=ok, or leave it out"
  for name in GPUS NNODES RAY_CPUS RAY_WAIT RAY_PORT RAY_DASHBOARD_PORT; do
    [[ ${!name:-} =~ ^([1-9][0-9]{0,6})?$ ]] || die "$name=${!name}: a whole number from 1 up is needed"
  done
  for name in RAY_PORT RAY_DASHBOARD_PORT; do
    ((${!name:-1} < 65536)) || die "$name=${!name}: a port is a number below 65536"
  done
  for name in FEW MANY; do
    [[ ${!name:-} =~ ^[2-7]?$ ]] || die "$name=${!name}: puzzles have 2 to 7 people"
  done
  [[ $ROOT != *:* ]] || die "the checkout's path has a colon, which PATH cannot hold: move it from $ROOT"
  for name in MODEL RUNS SETTINGS SOURCE TEST_SOURCE EVAL_SOURCE PYTHON VENV; do
    [[ -z ${!name:-} ]] || printf -v "$name" '%s' "$(here "${!name}")"
  done
  # New runs are made where the user stands too.
  [[ $HERE == "$ROOT" || -z ${RUNS:-} || $RUNS == /* || -e $RUNS ]] || RUNS=$HERE/$RUNS
}

# help_wanted WORD...: if a word asks for help, prints what the script's own comment says, and ends.
help_wanted() {
  local word script
  for word; do
    [[ $word == -h || $word == --help ]] || continue
    for script in "${1%.sh}.sh" "${0##*/}"; do # train.sh NAME --help: what NAME.sh says comes first
      [[ ! -f run_scripts/$script ]] || sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "run_scripts/$script"
    done
    printf 'The variables: %s\n' "$ROOT/run_scripts/README.md"
    exit
  done
}

# has_gpu: looks at the machine and not at CUDA_VISIBLE_DEVICES, because it decides which build is installed.
has_gpu() { command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; }

# python_version PROGRAM: prints its version; fails where it is missing or does not run (a shim of pyenv, say).
python_version() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }

# makes_environments PROGRAM: Debian has venv and ensurepip in a package apart.
makes_environments() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
  local candidate version found="" fix="remove PYTHON, or PYTHON=/path/to/python3.12"
  if [[ -n ${PYTHON:-} ]]; then
    version=$(python_version "$PYTHON") || die "PYTHON=$PYTHON does not run here: 3.11 or 3.12 is needed ($fix)"
    [[ $version == 3.1[12].* ]] || die "PYTHON=$PYTHON is Python $version: 3.11 or 3.12 is needed ($fix)"
    makes_environments "$PYTHON" ||
      die "PYTHON=$PYTHON has no venv or ensurepip: install python${version%.*}-venv, or $fix"
    printf '%s\n' "$PYTHON"
    return
  fi
  for candidate in python3.12 python3.11 python3 python; do
    version=$(python_version "$candidate") || continue
    if [[ $version == 3.1[12].* ]] && makes_environments "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
    found="$found${found:+, }$candidate is $version"
    [[ $version != 3.1[12].* ]] || found="$found without venv or ensurepip: install python${version%.*}-venv"
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
  if [[ -z $missing ]]; then
    check_environment
  else
    if [[ -d $VENV && -n $(ls -A "$VENV") && -z $(ls -d "$VENV"/{pyvenv.cfg,.r1_verl{,.lock}} 2>/dev/null) ]]; then
      die "VENV=$VENV has files that are no Python environment: name a new folder"
    fi
    if ! mkdir -p "$VENV" || ! : >>"$VENV/.r1_verl.lock"; then
      die "$VENV can't be written (see above): set VENV=a folder of yours, on a disk with 10 GB"
    fi
    # Two scripts may start at once, on one machine or on two that share a disk: one installs, the other one waits and
    # finds everything there. The parentheses hold the lock.
    (
      if command -v flock >/dev/null && ! flock -n 9; then
        printf 'Waiting for another script that sets up %s\n' "$VENV"
        flock 9 || printf 'This disk has no locks: going on without\n'
      fi
      read_stamp
      check_environment
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

# check_environment: dies if what is at VENV is an environment whose Python is gone, or of a version that does not fit.
check_environment() {
  local version again python=$VENV/bin/python
  [[ -e $VENV/pyvenv.cfg || -e $VENV/.r1_verl ]] || return 0
  printf -v again 'remove it (rm -r %q) and give the same command again, or set VENV=another folder' "$VENV"
  "$python" -Sc "" 2>/dev/null ||
    die "the Python of $VENV is gone or does not run here ($(readlink -f "$python" || printf %s "$python")): $again"
  [[ ! -e $VENV/.r1_verl ]] || return 0 # it had a version that fits
  version=$(python_version "$python") || version=unknown
  [[ $version == 3.1[12].* ]] || die "$VENV has Python $version, and 3.11 or 3.12 is needed: $again"
}

# install_missing: installs what read_stamp found missing; the stamp comes last.
install_missing() {
  local python=$VENV/bin/python
  have=$(printf '%s' "$have$missing" | xargs)
  if [[ ! -e $VENV/pyvenv.cfg ]]; then
    python=$(find_python)
    "$python" -m venv "$VENV" || die "$python could not make an environment in $VENV (see above)"
  elif ! "$python" -c 'import pip' 2>/dev/null; then # of a set-up that was interrupted, or uv's
    installed "$python" -m ensurepip
  fi
  printf 'Setting up %s (%s; %s): half a minute from a near mirror\n' "$VENV" "$("$VENV/bin/python" --version)" "$have"
  installed "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=0.8"
  installed "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" \
    --constraint constraints.txt --editable ".[${have// /,}]"
  printf '%s\n%s\n' "$pinned" "$have" >"$VENV/.r1_verl"
}

# installed COMMAND...: runs a command that installs packages, and dies with its own words and the reason if it fails.
installed() {
  local said
  if said=$("$@" 2>&1); then
    return
  fi
  printf '%s\n' "$said" | tail -n 30 >&2
  case $said in
    *"No space left"*)
      said="the disk is full: an environment takes 10 GB (VENV), and as much in uv's cache (UV_CACHE_DIR)" ;;
    *"ermission denied"* | *"Read-only file system"*)
      said="a folder can't be written: name others with VENV, UV_CACHE_DIR or TMPDIR" ;;
    *"No solution found"*)
      said="uv found no set of versions: the mirror lacks one, or none is built for this Python and machine" ;;
    *"No module named ensurepip"*) said="that environment has no pip: remove it, or set VENV=another folder" ;;
    *onnect* | *"timed out"* | *"dns error"* | *resolv* | *"Could not find a version"* | *"ailed to fetch"*)
      said="check the network, or point UV_INDEX_URL and PIP_INDEX_URL at a mirror" ;;
    *) said="the same command tries again" ;;
  esac
  die "the packages could not be installed (see above): $said"
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

check_variables
help_wanted "$@"
