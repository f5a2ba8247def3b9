#!/usr/bin/env bash
# GRPO on Countdown from the package's base model of 0.45 M parameters; 2 CPU cores, about 10 minutes.
CPU=1 exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" quickstart_grpo "$@"
