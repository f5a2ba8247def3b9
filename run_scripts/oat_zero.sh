#!/usr/bin/env bash
# oat-zero: GRPO of Qwen2.5-3B on Countdown, 8 GPUs (recipe: r1_verl/recipes/oat_zero.yaml).
#   bash run_scripts/oat_zero.sh
source "$(dirname "${BASH_SOURCE[0]}")/tinyzero.sh"
tinyzero oat_zero "$@"
