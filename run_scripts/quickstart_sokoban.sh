#!/usr/bin/env bash
# GRPO over several turns of Sokoban from the package's start model of 0.44 M parameters; 2 CPU cores.
CPU=1 exec bash "$(dirname "${BASH_SOURCE[0]}")/train.sh" quickstart_sokoban "$@"
