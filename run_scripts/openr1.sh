#!/usr/bin/env bash
# The former script of open-r1: each of its runs has a script of its own.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
forward qwen_1_5b qwen_1_5b=openr1_qwen_1_5b math_7b=openr1_math_7b distill_7b=openr1_distill_7b -- "$@"
