#!/usr/bin/env bash
# DeepScaleR, second stage, from the last checkpoint of deepscaler_8k: 16K tokens, 4 nodes of 8 GPUs (NNODES=4).
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" deepscaler_16k "$@"
