#!/usr/bin/env bash
# DAPO: Qwen2.5-32B on DAPO-Math-17k, 16 nodes of 8 GPUs (recipe: r1_verl/recipes/dapo.yaml).
#   NNODES=16 bash run_scripts/dapo.sh
#   MODEL=Qwen/Qwen2.5-7B NNODES=1 bash run_scripts/dapo.sh data.max_response_length=8192
# Without the hub: SOURCE=train.parquet EVAL_SOURCE=file
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_gpu_or_cpu train
prepare dapo data_prep/dapo.py ${SOURCE:+--source "$SOURCE"}
prepare dapo_eval data_prep/eval_suites.py --suites aime24 --style dapo ${EVAL_SOURCE:+--source "$EVAL_SOURCE"}
train dapo "$@"
