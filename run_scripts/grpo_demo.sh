#!/usr/bin/env bash
# grpo_demo.py: GRPO of Qwen2.5-1.5B-Instruct on GSM8K with five rewards, one GPU of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" grpo_demo "$@"
