#!/usr/bin/env bash
# Unsloth's GSM8K notebook: LoRA of Qwen2.5-3B-Instruct, one GPU of 24 GB (recipe: r1_verl/recipes/unsloth_gsm8k.yaml).
#   bash run_scripts/unsloth_gsm8k.sh
# Without the hub: SOURCE=train.jsonl.gz TEST_SOURCE=test.jsonl.gz
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
use_gpu_or_cpu train
prepare grpo_demo data_prep/gsm8k.py --style grpo_demo \
  ${SOURCE:+--source "$SOURCE"} ${TEST_SOURCE:+--test-source "$TEST_SOURCE"}
train unsloth_gsm8k "$@"
