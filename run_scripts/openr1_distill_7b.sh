#!/usr/bin/env bash
# open-r1: GRPO of DeepSeek-R1-Distill-Qwen-7B on NuminaMath-TIR, 8 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" openr1_distill_7b "$@"
