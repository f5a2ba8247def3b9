#!/usr/bin/env bash
# Unsloth's GSM8K notebook: LoRA of Qwen2.5-3B-Instruct, one GPU of 24 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" unsloth_gsm8k "$@"
