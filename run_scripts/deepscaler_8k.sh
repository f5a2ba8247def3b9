#!/usr/bin/env bash
# DeepScaleR, first stage: DeepSeek-R1-Distill-Qwen-1.5B, responses of 8K tokens, 8 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" deepscaler_8k "$@"
