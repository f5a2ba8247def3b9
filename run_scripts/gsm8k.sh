#!/usr/bin/env bash
# The former script of GSM8K: each of its runs has a script of its own.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
forward ppo ppo=gsm8k_ppo kl_sweep=gsm8k_kl_sweep grpo=gsm8k_grpo -- "$@"
