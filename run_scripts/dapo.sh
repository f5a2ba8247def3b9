#!/usr/bin/env bash
# DAPO: Qwen2.5-32B on DAPO-Math-17k, 16 nodes of 8 GPUs of 80 GB (NNODES=16); a small form is in its recipe.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" dapo "$@"
