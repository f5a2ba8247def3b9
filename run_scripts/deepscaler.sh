#!/usr/bin/env bash
# The former script of DeepScaleR: each of its runs has a script of its own.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
forward 8k 8k=deepscaler_8k 16k=deepscaler_16k 24k=deepscaler_24k -- "$@"
