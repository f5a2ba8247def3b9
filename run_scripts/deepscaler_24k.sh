#!/usr/bin/env bash
# DeepScaleR, third stage, from the last checkpoint of deepscaler_16k: 24K tokens, 4 nodes of 8 GPUs (NNODES=4).
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" deepscaler_24k "$@"
