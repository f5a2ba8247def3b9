#!/usr/bin/env bash
# RAGEN v2, PPO with the variance filter on Sokoban with coordinates; Qwen2.5-3B-Instruct, 1 GPU of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" ragen_v2_sokoban "$@"
