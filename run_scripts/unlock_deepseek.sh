#!/usr/bin/env bash
# unlock-deepseek (Datawhale-R1): Mini-R1 in Chinese, 2 GPUs of 80 GB.
exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" unlock_deepseek "$@"
