#!/usr/bin/env bash
# open-r1: GRPO of Qwen2.5-1.5B-Instruct on NuminaMath-TIR, 8 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" openr1_qwen_1_5b "$@"
