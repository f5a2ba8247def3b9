#!/usr/bin/env bash
# The tests:
#   bash run_scripts/test.sh             # all, real veRL runs among them
#   bash run_scripts/test.sh fast        # what needs no veRL run and no long wait
#   bash run_scripts/test.sh fast -k countdown    # anything further goes to pytest
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
TIER=all
if [[ ${1:-} == fast || ${1:-} == all || ${1:-} == slow ]]; then
  TIER=$1
  shift
fi
setup_environment train,test cpu
use_cpu
case $TIER in
  fast) exec python -m pytest -m "not train and not long and not slow" "$@" ;;
  slow) exec python -m pytest -m slow "$@" ;;
  *) exec python -m pytest -m "not slow" "$@" ;;
esac
