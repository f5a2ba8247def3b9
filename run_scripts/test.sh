#!/usr/bin/env bash
# The tests:
#   bash run_scripts/test.sh             # all, real veRL runs among them
#   bash run_scripts/test.sh fast        # what needs no veRL run and no long wait
#   bash run_scripts/test.sh slow        # long runs, by hand
#   bash run_scripts/test.sh gpu         # two steps of five recipes on one GPU; skipped where there is none
#   bash run_scripts/test.sh fast -k countdown    # anything further goes to pytest
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
TIER=all
if [[ ${1:-} =~ ^(fast|all|slow|gpu)$ ]]; then
  TIER=$1
  shift
fi
[[ ${1:-} != [a-z]* || -e ${1%%::*} ]] || die "there is no tier or test file $1: choose fast, all, slow or gpu"
if [[ $TIER == gpu ]]; then
  setup_environment train,test
  exec python -m pytest -m gpu "$@"
fi
setup_environment train,test cpu
use_cpu
SHORT="not train and not long and not slow and not gpu"
case $TIER in
  fast) exec python -m pytest -n 2 --dist loadfile -m "$SHORT" "$@" ;;
  slow) exec python -m pytest -m slow "$@" ;;
esac

# All: the short tests two files at a time, then one by one what runs veRL or takes long. CI's log says what took longest.
short=0 rest=0
python -m pytest -n 2 --dist loadfile -m "$SHORT" --durations=40 "$@" || short=$?
python -m pytest -m "(train or long) and not slow and not gpu" --durations=40 "$@" || rest=$?
((short != 5 || rest != 5)) || exit 5 # pytest's word for: none was selected
((short == 0 || short == 5)) || exit "$short"
((rest == 5)) || exit "$rest"
