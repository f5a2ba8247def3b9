"""Mistakes that doctor names: keys, values, reward functions, loggers, estimators; several of a kind in a command."""

from mistakes import case, quickstart

DATA = {"data/quickstart": quickstart}
ROLLOUT, ACTOR, FUNCTION = "actor_rollout_ref.rollout", "actor_rollout_ref.actor", "reward.custom_reward_function"
OWN = "defaults:\n  - quickstart_grpo\n  - _self_\n"
DOCUMENTED = "def score(data_source, solution_str, ground_truth, extra_info=None):\n    return 1.0\n"

CASES = (
    case(
        "misspelt keys by plus",
        f"r1-verl doctor quickstart_grpo +data.train_batchsize=64 +trainer.save_frequency=5 +{ROLLOUT}.temprature=1 "
        f"+{ACTOR}.lr=1e-5 +r1_verl.stops=[x]",
        "did you mean data.train_batch_size?",
        "did you mean trainer.save_freq?",
        f"did you mean {ROLLOUT}.temperature?",
        f"did you mean {ACTOR}.optim.lr",
        "did you mean r1_verl.stop?",
        status=1,
    ),
    case(
        "a misspelt section of one's own recipe",
        "r1-verl doctor my.yaml",
        "my.yaml: 1 problem",
        f"rolout is no key that veRL 0.9.1 reads fix: did you mean {ROLLOUT}",
        files=DATA | {"my.yaml": f"# @package _global_\n{OWN}rolout:\n  n: 16\n"},
        status=1,
    ),
    case(
        "a misspelt section below another",
        "r1-verl doctor my.yaml",
        f"actor_rollout_ref.rolout is no key that veRL 0.9.1 reads fix: did you mean {ROLLOUT}?",
        files=DATA | {"my.yaml": f"# @package _global_\n{OWN}actor_rollout_ref:\n  rolout: {{n: 16}}\n"},
        status=1,
    ),
    case(
        "a variable of one's own recipe is no mistake",
        "r1-verl doctor my.yaml",
        "my.yaml: 0 problems found",
        files=DATA | {"my.yaml": f"# @package _global_\n{OWN}answers: 8\n"
                                 "actor_rollout_ref:\n  rollout: {n: '${answers}'}\n"},
        status=0,
    ),
    case(
        "train stops at a misspelt key",
        "RUNS={folder}/r r1-verl train quickstart_grpo +data.train_batchsize=64",
        "this run would fail:",
        "did you mean data.train_batch_size?",
        files=DATA,
        makes=("r/",),
    ),
    case(
        "train stops at a doubt",
        "RUNS={folder}/r r1-verl train quickstart_grpo data.seed=null",
        "a doubt: data.seed is null",
        "DOUBTS=ok",
        files=DATA,
        makes=("r/",),
    ),
    case(
        "doubts alone are no error",
        "r1-verl doctor quickstart_grpo data.seed=null +data.of_my_own=1 reward_model.reward_manager=dapo",
        "a doubt: data.seed is null",
        "a doubt: data.of_my_own is no key that veRL 0.9.1 reads",
        "reward_model.reward_manager is the old name of reward.reward_manager.name",
        "0 problems, 3 doubts found",
        files=DATA,
        status=0,
    ),
    case(
        "values of the wrong kind",
        f"r1-verl doctor quickstart_grpo data.train_batch_size=64k {ROLLOUT}.n=null {ACTOR}.optim.lr=1e-6x "
        f"{ACTOR}.use_kl_loss=yes {ACTOR}.policy_loss=null trainer.total_epochs=[1]",
        "data.train_batch_size='64k' is not a whole number",
        f"{ROLLOUT}.n=null is not a whole number",
        f"{ACTOR}.optim.lr='1e-6x' is not a number",
        f"{ACTOR}.use_kl_loss='yes' is not True or False",
        f"{ACTOR}.policy_loss=null is not a section of keys",
        "trainer.total_epochs=[1] is not a whole number",
        never=("the check",),
        status=1,
    ),
    case(
        "values out of their range",
        f"r1-verl doctor quickstart_grpo data.train_batch_size=0 {ROLLOUT}.temperature=-0.5 {ROLLOUT}.top_p=1.5 "
        f"{ROLLOUT}.gpu_memory_utilization=80 trainer.n_gpus_per_node=0 data.max_response_length=-1 algorithm.gamma=2",
        "data.train_batch_size=0 is out of range fix: 1 or more",
        f"{ROLLOUT}.temperature=-0.5 is out of range",
        f"{ROLLOUT}.top_p=1.5 is out of range fix: more than 0, at most 1",
        f"{ROLLOUT}.gpu_memory_utilization=80 is out of range",
        "trainer.n_gpus_per_node=0 is out of range",
        "data.max_response_length=-1 is out of range",
        "algorithm.gamma=2 is out of range",
        never=("the check",),
        status=1,
    ),
    case(
        "values that veRL does not offer",
        f"r1-verl doctor quickstart_grpo {ACTOR}.strategy=fdsp {ACTOR}.loss_agg_mode=token_mean "
        f"{ACTOR}.optim.lr_scheduler_type=linear trainer.resume_mode=never data.truncation=cut",
        "did you mean fsdp",
        "did you mean token-mean",
        f"{ACTOR}.optim.lr_scheduler_type=linear is none of veRL's choices fix: known: constant, cosine",
        "trainer.resume_mode=never is none of veRL's choices",
        "data.truncation=cut is none of veRL's choices",
        status=1,
    ),
    case(
        "keys taken out",
        "r1-verl doctor quickstart_grpo ~data.train_batch_size ~trainer.nnodes",
        "data.train_batch_size is missing, which veRL's own configuration has",
        "trainer.nnodes is missing",
        never=("the check",),
        status=1,
    ),
    case(
        "a reward function in veRL's documented form",
        f"r1-verl doctor quickstart_grpo {FUNCTION}.path=mine.py {FUNCTION}.name=score",
        "the reward function score of mine.py can't be called as veRL does",
        "def score(data_source, solution_str, ground_truth, extra_info=None, **kwargs)",
        files=DATA | {"mine.py": DOCUMENTED},
        status=1,
    ),
    case(
        "a reward function without our keywords",
        f"r1-verl doctor quickstart_grpo {FUNCTION}.path=mine.py {FUNCTION}.name=score ~{FUNCTION}.reward_kwargs",
        "quickstart_grpo: 0 problems found",
        files=DATA | {"mine.py": DOCUMENTED},
        status=0,
    ),
    case(
        "a reward function by a wrong name",
        f"r1-verl doctor quickstart_grpo {FUNCTION}.path=mine.py {FUNCTION}.name=scor",
        "mine.py has no 'scor', which reward.custom_reward_function.name names fix: did you mean score?",
        files=DATA | {"mine.py": DOCUMENTED},
        status=1,
    ),
    case(
        "a reward function that imports what is missing",
        f"r1-verl doctor quickstart_grpo {FUNCTION}.path=mine.py {FUNCTION}.name=score",
        "mine.py imports no_such_grader, which is not installed here fix: uv pip install no_such_grader",
        files=DATA | {"mine.py": f"import no_such_grader\n{DOCUMENTED}"},
        status=1,
    ),
    case(
        "a metric of one's own reward function",
        f"r1-verl doctor quickstart_grpo {FUNCTION}.path=mine.py {FUNCTION}.name=score ~{FUNCTION}.reward_kwargs "
        "algorithm.filter_groups.enable=true algorithm.filter_groups.metric=my_metric",
        "a doubt: algorithm.filter_groups.metric 'my_metric' is none that every score has",
        "or a key that your function returns",
        "quickstart_grpo: 0 problems, 1 doubt found",
        files=DATA | {"mine.py": DOCUMENTED},
        status=0,
    ),
    case(
        "W&B without a login and a misspelt logger",
        "HOME={folder} NETRC={folder}/none WANDB_CONFIG_DIR={folder} WANDB_API_KEY= r1-verl doctor quickstart_grpo "
        "trainer.logger=[console,file,wandb,tensorbord]",
        "trainer.logger: ",
        "wandb",
        "veRL has no logger 'tensorbord' fix: did you mean tensorboard?",
        status=1,
    ),
    case(
        "an estimator that is not fed",
        "r1-verl doctor quickstart_grpo algorithm.adv_estimator=remax",
        "adv_estimator=remax needs reward_baselines, which veRL's V1 trainer does not hand over",
        files=DATA,
        status=1,
    ),
    case(
        "the other estimator that is not fed",
        "r1-verl doctor quickstart_grpo algorithm.adv_estimator=gdpo +algorithm.gdpo_reward_keys=[acc,format]",
        "adv_estimator=gdpo needs batch and non_tensor_batch",
        files=DATA,
        status=1,
    ),
)  # fmt: skip
