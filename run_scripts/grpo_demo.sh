#!/usr/bin/env bash
# grpo_demo.py: GRPO of Qwen2.5-1.5B-Instruct on GSM8K, one GPU (recipe: r1_verl/recipes/grpo_demo.yaml).
#   bash run_scripts/grpo_demo.sh
# Without the hub: SOURCE=train.jsonl.gz TEST_SOURCE=test.jsonl.gz
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_gpu_or_cpu train
prepare grpo_demo data_prep/gsm8k.py --style grpo_demo \
  ${SOURCE:+--source "$SOURCE"} ${TEST_SOURCE:+--test-source "$TEST_SOURCE"}
train grpo_demo "$@"
