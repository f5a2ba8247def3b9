#!/usr/bin/env bash
# RAGEN, StarPO-S with PPO on Sokoban over several turns; Qwen2.5-0.5B-Instruct, 1 GPU. MODEL=FOLDER of a supervised run.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" ragen_sokoban_ppo "$@"
