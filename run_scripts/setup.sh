#!/usr/bin/env bash
# The environment alone: what every script sets up before it starts, for `python`, `r1-verl` and data_prep/ by hand.
#   bash run_scripts/setup.sh && source .venv/bin/activate
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[[ $# == 0 ]] || die "setup.sh takes no arguments ($*): variables go before it, as CPU=1 bash run_scripts/setup.sh"
use_gpu_or_cpu train
printf 'The environment is %s; to use it here: source %q\n' "$VENV" "$VENV/bin/activate"
