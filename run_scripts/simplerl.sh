#!/usr/bin/env bash
# The former script of SimpleRL: each of its runs has a script of its own.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
forward v1 v1=simplerl_v1_grpo v0=simplerl_v0_ppo v0_1node=simplerl_v0_ppo_1node -- "$@"
