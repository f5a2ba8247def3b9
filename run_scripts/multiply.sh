#!/usr/bin/env bash
# TinyZero's early task, products of two numbers, with its PPO settings: Qwen2.5-3B, 2 GPUs.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" multiply "$@"
