#!/usr/bin/env bash
# R1-Zero on a laptop: a 0.45 M parameter base model learns Countdown with veRL's own trainer and real vLLM rollouts.
#   bash run_scripts/quickstart.sh                       # GRPO, about 10 minutes on 2 cores, no GPU
#   ALGO=ppo bash run_scripts/quickstart.sh              # PPO with a critic
#   ALGO=sokoban bash run_scripts/quickstart.sh          # GRPO over several turns of Sokoban
#   BASE=build bash run_scripts/quickstart.sh            # builds the base model instead of taking the package's
#   SEED=2 bash run_scripts/quickstart.sh                # another seed, from the base model's first weights on
#   bash run_scripts/quickstart.sh trainer.total_training_steps=100   # any setting of veRL, last
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
ALGO=${ALGO:-grpo}
SEED=${SEED:-1}
[[ $ALGO == grpo || $ALGO == ppo || $ALGO == sokoban ]] || die "ALGO=$ALGO: choose grpo, ppo or sokoban"
[[ $SEED =~ ^(0|[1-9][0-9]{0,8})$ ]] || die "SEED=$SEED: a whole number is needed"
if [[ $SEED == 1 ]]; then BASE=${BASE:-shipped}; else BASE=${BASE:-build}; fi
[[ $BASE == shipped || $BASE == build ]] || die "BASE=$BASE: choose shipped or build (MODEL=folder for a model of yours)"

# 1. An environment: veRL, vLLM for the CPU, this package.
setup_environment train cpu
use_cpu
export CPU=1 RUN=${RUN:-quickstart_${ALGO}_seed$SEED}

# 2. A base model: the package's own (of seed 1; for Sokoban of seed 2), or one built here. It starts from random
#    weights and learns, from traces that propose, calculate, check and mostly give up after a first miss, to write the
#    form of an answer (veRL's SFT trainer); for Sokoban from games in which half of the moves are good ones.
if [[ $BASE == build && -z ${MODEL:-} ]]; then
  MODEL=models/quickstart_seed$SEED DATA=data/quickstart TASK=countdown
  [[ $ALGO != sokoban ]] || MODEL=models/quickstart_sokoban_seed$SEED DATA=data/quickstart_sokoban TASK=sokoban
  if [[ ! -f $MODEL/config.json && ${DRY_RUN:-} != 1 ]]; then
    python -m r1_verl prepare "quickstart_$ALGO"
    TRACES=$DATA/traces_seed$SEED
    if [[ $TASK == sokoban ]]; then
      python data_prep/sokoban_traces.py --levels "$DATA/train.parquet" --out "$TRACES" --count 12800 --good 0.5 \
        --seed "$SEED"
    else
      python data_prep/countdown_traces.py --puzzles "$DATA/train.parquet" --out "$TRACES" --seed "$SEED"
    fi
    python -m r1_verl start-model "$MODEL" --task "$TASK" --traces "$TRACES/train.parquet" --seed "$SEED"
  fi
  export MODEL
fi

# 3. Reinforcement learning on puzzles that the recipe makes (three numbers from 1 to 15, + and -, or Sokoban levels;
#    every one solvable, none in both train and test): a line a step; at the end a table, a curve, samples and the
#    address of a page with all of them.
exec bash run_scripts/train.sh "quickstart_$ALGO" "data.seed=$SEED" "$@"
