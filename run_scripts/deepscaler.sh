#!/usr/bin/env bash
# DeepScaleR: DeepSeek-R1-Distill-Qwen-1.5B in three lengths (recipes: r1_verl/recipes/deepscaler_*.yaml).
#   bash run_scripts/deepscaler.sh 8k                # 8 GPUs
#   NNODES=4 bash run_scripts/deepscaler.sh 16k      # from the last checkpoint of 8k; then 24k
# RUNS has to lie on a disk that all nodes share. Without the hub: SOURCE=file EVAL_SOURCE=file
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what=8k
if [[ ${1:-} != *=* && -n ${1:-} ]]; then
  what=$1
  shift
fi
[[ $what =~ ^(8k|16k|24k)$ ]] || die "deepscaler.sh $what: choose 8k, 16k or 24k"
use_gpu_or_cpu train
prepare deepscaler data_prep/deepscaler.py --think-in-prompt ${SOURCE:+--source "$SOURCE"}
prepare deepscaler_eval data_prep/eval_suites.py --suites aime24 --style deepscaler --think-in-prompt \
  ${EVAL_SOURCE:+--source "$EVAL_SOURCE"}
train "deepscaler_$what" "$@"
