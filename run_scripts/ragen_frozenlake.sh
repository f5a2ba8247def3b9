#!/usr/bin/env bash
# RAGEN, StarPO-S with PPO on slippery FrozenLake over several turns; Qwen2.5-0.5B-Instruct, 1 GPU.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" ragen_frozenlake "$@"
