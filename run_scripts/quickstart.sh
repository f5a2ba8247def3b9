#!/usr/bin/env bash
# R1-Zero on a laptop: a 0.45 M parameter model learns Countdown with veRL's own trainer and real vLLM rollouts.
#   bash run_scripts/quickstart.sh                       # GRPO, about 15 minutes on 2 cores, no GPU
#   ALGO=ppo bash run_scripts/quickstart.sh              # PPO with a critic, about 17 minutes
#   SEED=2 bash run_scripts/quickstart.sh                # another seed, from the model's first weights on
#   bash run_scripts/quickstart.sh trainer.total_training_steps=100   # any setting of veRL, last
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
ALGO=${ALGO:-grpo}
SEED=${SEED:-1}
RECIPE=quickstart_$ALGO
[[ $ALGO == grpo || $ALGO == ppo ]] || die "ALGO=$ALGO: choose grpo or ppo"

# 1. An environment: veRL, vLLM for the CPU, this package.
setup_environment train cpu
use_cpu
export RUN=${RUN:-${RECIPE}_seed$SEED}
SETTINGS=("data.seed=$SEED" "data.train_files=data/quickstart/train.parquet"
  "data.val_files=data/quickstart/validation.parquet" "actor_rollout_ref.model.path=${MODEL:-models/quickstart_seed$SEED}")
if [[ ${DRY_RUN:-} == 1 ]]; then
  exec python -m r1_verl train "$RECIPE" "${SETTINGS[@]}" "$@"
fi

# 2. Puzzles: three numbers from 1 to 15, + and -; every one solvable, none in both train and test.
if [[ ! -f data/quickstart/validation.parquet ]]; then
  python data_prep/countdown.py --out data/quickstart --style tiny --sizes 3 --min 1 --max 15 --operators=+- \
    --min-target 1 --max-target 45 --train-size 1900 --test-size 256 --seed 0
  python data_prep/greedy.py data/quickstart/test.parquet data/quickstart/validation.parquet
fi

# 3. A model to learn on, and its short, weak supervised start (veRL's SFT trainer).
if [[ -z ${MODEL:-} && ! -f models/quickstart_seed$SEED/config.json ]]; then
  TRACES=data/quickstart/traces_seed$SEED
  python data_prep/countdown_traces.py --puzzles data/quickstart/train.parquet --out "$TRACES" --seed "$SEED"
  python -m r1_verl start-model "models/quickstart_seed$SEED" --traces "$TRACES/train.parquet" --seed "$SEED"
fi

# 4. Reinforcement learning, a line a step; at the end a table, a curve and samples.
exec python -m r1_verl train "$RECIPE" "${SETTINGS[@]}" "$@"
