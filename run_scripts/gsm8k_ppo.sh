#!/usr/bin/env bash
# GSM8K with PPO: Qwen2.5-1.5B, 4 GPUs of 80 GB; gsm8k_kl_sweep.sh runs it with four KL coefficients.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" gsm8k_ppo "$@"
