#!/usr/bin/env bash
# open-r1 with all rewards of its registry: GRPO of Qwen2.5-1.5B-Instruct on OpenR1-Math-220k, 8 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" openr1_all_rewards "$@"
