"""Mistakes in what is typed: commands, options, names, variables, a recipe's file, SETTINGS, paths."""

from mistakes import case, quickstart

BASE = "defaults:\n  - quickstart_grpo\n  - _self_\n"
DATA = {"data/quickstart": quickstart}
ODD = "a (1)/naïve [b] x=1, 'c'"  # a folder whose name needs quotes everywhere
ODD_WORD = f'"{ODD}"'

# A Python that makes environments whose uv fails with the words of UV_SAYS.
FAILING = r"""#!/bin/sh
case "$*" in
*platform*) echo 3.12.1 ;;
"-m venv "*)
  mkdir -p "$3/bin"
  : >"$3/pyvenv.cfg"
  cp "$0" "$3/bin/python"
  printf '#!/bin/sh\necho "$UV_SAYS" >&2\nexit 1\n' >"$3/bin/uv"
  chmod +x "$3/bin/uv" ;;
esac
"""


def failing(path):
    path.write_text(FAILING)
    path.chmod(0o755)


def install(name, uv_says, *says, never=()):
    """A case of an environment that can't be set up, since uv ends with these words."""
    typed = f"UV_SAYS='{uv_says}' PYTHON={{folder}}/python VENV={{folder}}/v run_scripts/setup.sh"
    return case(name, typed, uv_says, *says, never=never, files={"python": failing}, makes=("v/",), lines=3)


CASES = (
    install(
        "no versions that fit", "No solution found when resolving", "uv found no set of versions", never=("network",)
    ),
    install("disk full while installing", "error: No space left on device (os error 28)", "the disk is full", "VENV"),
    install("no network", "error: Failed to fetch: dns error", "check the network, or point UV_INDEX_URL"),
    install("cache of another user", "Permission denied (os error 13)", "a folder can't be written", "UV_CACHE_DIR"),
    # commands and options
    case("misspelt command", "r1-verl trian quickstart_grpo", "unknown command 'trian'; did you mean 'train'?"),
    case(
        "option for a setting", "r1-verl train quickstart_grpo --trainer.save_freq=1", "no dashes: trainer.save_freq=1"
    ),
    case("unknown option", "r1-verl doctor quickstart_grpo --fast", "unrecognized arguments: --fast"),
    case(
        "setting without its value",
        "r1-verl train quickstart_grpo trainer.save_freq",
        "is no override: write KEY=VALUE",
    ),
    case("word of another script", "r1-verl train quickstart_grpo ppo", "quickstart_ppo is a script of its own"),
    case("misspelt recipe", "r1-verl train quikstart_grpo", "did you mean quickstart_grpo"),
    case("recipe without its ending", "r1-verl doctor mine", "did you mean mine.yaml?", files={"mine.yaml": BASE}),
    case("train's help", "run_scripts/train.sh --help", "Train a recipe, by name or file", "README.md", status=0),
    case("a script's help", "run_scripts/gsm8k_ppo.sh --help", "GSM8K with PPO", "DRY_RUN=1", status=0),
    case("a ray script's help", "run_scripts/ray_worker.sh -h", "This node joins the Ray cluster", status=0),
    case("test's help", "run_scripts/test.sh --help", "what needs no veRL run", status=0),
    case("train without a recipe", "run_scripts/train.sh", "name a recipe first: bash run_scripts/train.sh"),
    case("train with an override first", "run_scripts/train.sh trainer.save_freq=1", "name a recipe first"),
    case("train with an option first", "run_scripts/train.sh --fast", "name a recipe first"),
    case("unknown tier", "run_scripts/test.sh quick", "no tier or test file quick: choose fast, all, slow or gpu"),
    case("word for the worker", "run_scripts/ray_worker.sh 10.0.0.1", "takes no arguments (10.0.0.1)", "RAY_HEAD="),
    case("word for setup", "run_scripts/setup.sh cpu", "takes no arguments (cpu)", "CPU=1"),
    case(
        "unknown recipe for slurm",
        "run_scripts/slurm.sh simplerl_v2",
        "no recipe or script simplerl_v2",
        "simplerl_v1_grpo",
    ),
    # settings
    case("misspelt key", "r1-verl doctor quickstart_grpo trainer.sav_freq=1", "did you mean trainer.save_freq?"),
    case("misspelt section", "r1-verl doctor quickstart_grpo trianer.save_freq=1", "did you mean trainer.save_freq?"),
    case("a section for a key", "r1-verl doctor quickstart_grpo algorithm=grpo", "algorithm holds settings of its own"),
    case("open bracket", "r1-verl doctor quickstart_grpo trainer.logger=[console", "close its brackets and quotes"),
    case("two equal signs", "r1-verl doctor quickstart_grpo trainer.save_freq==1", "it begins with ="),
    case("two values", "r1-verl doctor quickstart_grpo trainer.logger=console,file", "trainer.logger=[console,file]"),
    case("fragment without plus", "r1-verl doctor quickstart_grpo stop=answer", "write +stop=..."),
    case(
        "unknown fragment",
        "r1-verl doctor quickstart_grpo +stop=anser",
        "no stop 'anser': choose answer, chatml, texts",
    ),
    case("plus for what is there", "r1-verl doctor quickstart_grpo +trainer.save_freq=1", "without +"),
    case(
        "deleting nothing", "r1-verl doctor quickstart_grpo ~trainer.sav_freq", "no setting trainer.sav_freq to delete"
    ),
    case("key outside ASCII", "r1-verl doctor quickstart_grpo tráiner.x=1", "is no setting's name"),
    case("interpolation of nothing", "DRY_RUN=1 r1-verl train quickstart_grpo trainer.save_freq='${{nope}}'", "nope"),
    case("value for a section", "r1-verl prepare quickstart_grpo trainer=3", "trainer holds settings of its own"),
    case(
        "no rewards at all",
        "r1-verl train quickstart_grpo reward.custom_reward_function=null",
        "holds settings of its own",
    ),
    case(
        "nodes of the wrong type",
        "r1-verl train quickstart_grpo trainer.nnodes=two",
        "trainer.nnodes=two: a whole number",
    ),
    case("number for a file", "r1-verl prepare quickstart_grpo data.train_files=5", "data.train_files=5: a path"),
    case(
        "a file that nothing makes",
        "r1-verl prepare quickstart_grpo data.train_files=no.parquet",
        "no.parquet is not there, and no command",
        files=DATA,
        never=("there: no",),
    ),
    # a recipe's file
    case("number among the defaults", "r1-verl doctor my.yaml", "my.yaml:", "int", files={"my.yaml": f"{BASE}  - 5\n"}),
    case(
        "word for a section", "r1-verl prepare my.yaml", "r1_verl has to hold", files={"my.yaml": f"{BASE}r1_verl: x\n"}
    ),
    case("no such file", "r1-verl train my.yaml", "no recipe at my.yaml"),
    case("yml for yaml", "r1-verl train my.yml", "did you mean my.yaml?", files={"my.yaml": BASE}),
    case("near file", "r1-verl train my_recipe.yaml", "did you mean my_recipes.yaml?", files={"my_recipes.yaml": BASE}),
    case(
        "yml is found",
        "DRY_RUN=1 r1-verl train my.yml",
        "train_batch_size: 7",
        files={"my.yml": f"{BASE}data: {{train_batch_size: 7}}\n"},
        status=0,
    ),
    case(
        "a tab",
        "r1-verl doctor my.yaml",
        "my.yaml, line 5 is no YAML",
        "tab",
        files={"my.yaml": f"{BASE}data:\n\tseed: 1\n"},
    ),
    case("empty file", "r1-verl doctor my.yaml", "builds on nothing", "defaults:", files={"my.yaml": ""}),
    case("no defaults", "r1-verl doctor my.yaml", "builds on nothing", files={"my.yaml": "data: {seed: 1}\n"}),
    case("a list", "r1-verl doctor my.yaml", "is no recipe", files={"my.yaml": "- tinyzero_grpo\n"}),
    case(
        "defaults that are no list",
        "r1-verl doctor my.yaml",
        "is no recipe",
        files={"my.yaml": "defaults: tinyzero_grpo\n"},
    ),
    case(
        "unknown base",
        "r1-verl doctor my.yaml",
        "'quickstart_grop'",
        "did you mean quickstart_grpo?",
        files={"my.yaml": BASE.replace("grpo", "grop")},
    ),
    case(
        "only its own settings",
        "r1-verl doctor my.yaml",
        "lacks veRL's settings",
        files={"my.yaml": "defaults: [_self_]\ndata: {seed: 1}\n"},
    ),
    case("not text", "r1-verl doctor my.yaml", "is no text in UTF-8", files={"my.yaml": b"\xff\xfe\x00a"}),
    case("a folder for a recipe", "r1-verl doctor my.yaml", "(a folder)", files={"my.yaml/x": ""}),
    case(
        "bases in a circle",
        "r1-verl doctor a.yaml",
        "builds on one that builds on it",
        files={"a.yaml": "defaults: [b, _self_]\n", "b.yaml": "defaults: [a, _self_]\n"},
    ),
    # SETTINGS
    case("no such SETTINGS", "SETTINGS=mine r1-verl doctor quickstart_grpo", "SETTINGS=mine cannot be read"),
    case(
        "a folder for SETTINGS", "SETTINGS=mine r1-verl doctor quickstart_grpo", "cannot be read", files={"mine/x": ""}
    ),
    case(
        "YAML for SETTINGS",
        "SETTINGS=mine r1-verl doctor quickstart_grpo",
        "mine, line 2: 'data.seed: 1' is no override",
        files={"mine": "# x\ndata.seed: 1\n"},
    ),
    case(
        "binary SETTINGS",
        "SETTINGS=mine r1-verl doctor quickstart_grpo",
        "is no text in UTF-8",
        files={"mine": b"\xff\x00"},
    ),
    case(
        "misspelt key in SETTINGS",
        "SETTINGS=mine r1-verl doctor quickstart_grpo",
        "did you mean data.seed?",
        files={"mine": "data.sed=1"},
    ),
    case(
        "last line of SETTINGS",
        "DRY_RUN=1 SETTINGS=mine r1-verl train quickstart_grpo",
        "train_batch_size: 77",
        "seed: 7 ",
        files={"mine": "data.seed=7 # x\r\ndata.train_batch_size=77"},
        status=0,
    ),
    case(
        "SETTINGS beside the user",
        "SETTINGS=mine run_scripts/quickstart_grpo.sh",
        "train_batch_size: 77",
        files={"mine": "data.train_batch_size=77"},
        status=0,
    ),
    # variables
    case("DRY_RUN=yes", "DRY_RUN=yes run_scripts/quickstart.sh", "DRY_RUN=yes: write DRY_RUN=1"),
    case("DRY_RUN=true", "DRY_RUN=true r1-verl train quickstart_grpo", "DRY_RUN=true: write DRY_RUN=1"),
    case("CPU=true", "CPU=true r1-verl doctor tinyzero_ppo", "CPU=true: write CPU=1"),
    case("WANDB=yes", "WANDB=yes r1-verl train quickstart_grpo", "WANDB=yes: write WANDB=1"),
    case("DOUBTS=yes", "DOUBTS=yes run_scripts/quickstart.sh", "DOUBTS=yes: write DOUBTS=ok"),
    case("GPUS in words", "GPUS=two run_scripts/tinyzero_ppo.sh", "GPUS=two: a whole number"),
    case("GPUS for doctor", "GPUS=0 r1-verl doctor tinyzero_ppo", "GPUS=0: a whole number"),
    case("NNODES in words", "NNODES=two run_scripts/tinyzero_ppo.sh", "NNODES=two: a whole number"),
    case("NNODES with a nought", "NNODES=08 r1-verl doctor tinyzero_ppo", "NNODES=08: a whole number"),
    case("SEED in words", "SEED=one run_scripts/quickstart.sh", "SEED=one: a whole number"),
    case("ALGO", "ALGO=gpro run_scripts/quickstart.sh", "ALGO=gpro: choose grpo, ppo or sokoban"),
    case("BASE", "BASE=mine run_scripts/quickstart.sh", "BASE=mine: choose shipped or build"),
    case("FEW", "FEW=9 run_scripts/logicrl_stages.sh", "FEW=9: puzzles have 2 to 7 people"),
    case("MANY", "MANY=five run_scripts/logicrl_curriculum.sh", "MANY=five: puzzles have 2 to 7 people"),
    case("RUN above RUNS", "RUN=.. r1-verl train quickstart_grpo", "RUN=.. is no name for a run"),
    case("RAY_PORT", "RAY_PORT=99999 NNODES=2 run_scripts/ray_head.sh", "RAY_PORT=99999: a port"),
    case("RAY_WAIT", "RAY_WAIT=1m NNODES=2 run_scripts/ray_head.sh", "RAY_WAIT=1m: a whole number"),
    case("no nodes", "run_scripts/ray_head.sh", "say how many nodes: NNODES=2"),
    case("no head", "run_scripts/ray_submit.sh simplerl_v1_grpo", "say where the head is: RAY_HEAD="),
    case(
        "PYTHON is gone",
        "PYTHON=/no/python VENV={folder}/v run_scripts/quickstart.sh",
        "PYTHON=/no/python does not run here",
        makes=("v/",),
    ),
    # the environment
    case(
        "VENV with other files",
        "VENV={folder} run_scripts/quickstart.sh",
        "has files that are no Python environment",
        files={"my notes": "x"},
    ),
    case("VENV is a file", "VENV={folder}/v run_scripts/quickstart.sh", "can't be written", files={"v": "x"}, lines=3),
    case(
        "VENV without its Python",
        "VENV={folder}/v run_scripts/quickstart.sh",
        "the Python of {folder}/v is gone",
        "rm -r {folder}/v",
        files={"v/pyvenv.cfg": "", "v/bin/python": lambda path: path.symlink_to("/no/python3.11")},
        makes=("v/.r1_verl.lock",),
    ),
    case(
        "VENV of an old Python",
        "VENV={folder}/v run_scripts/quickstart.sh",
        "has Python 3.9.2, and 3.11 or 3.12 is needed: remove it",
        files={
            "v/pyvenv.cfg": "",
            "v/bin/python": lambda path: (path.write_text("#!/bin/sh\necho 3.9.2\n"), path.chmod(0o755)),
        },
        makes=("v/.r1_verl.lock",),
    ),
    case(
        "folder that is not to be written",
        "VENV=/proc/v run_scripts/quickstart.sh",
        "/proc/v can't be written",
        lines=3,
    ),
    # names and paths of any characters
    case("odd RUNS", f"DRY_RUN=1 RUNS={ODD_WORD} r1-verl train quickstart_grpo", "naïve [b] x=1", status=0),
    case("odd RUN", 'DRY_RUN=1 RUN="é (1) x=2" r1-verl train quickstart_grpo', "experiment_name: é (1) x=2", status=0),
    case(
        "odd MODEL",
        'DRY_RUN=1 MODEL="/m (1)/step=100" r1-verl train quickstart_grpo',
        "path: /m (1)/step=100",
        status=0,
    ),
    case(
        "odd MODEL of a script",
        'MODEL="/m (1)/step=100" run_scripts/quickstart_grpo.sh',
        "path: /m (1)/step=100",
        status=0,
    ),
    case(
        "odd MODEL for doctor",
        'MODEL="/m (1)/step=100" r1-verl doctor quickstart_grpo',
        "/m (1)/step=100",
        files=DATA,
        status=1,
    ),
    case(
        "odd data path",
        f'r1-verl doctor quickstart_grpo "data.train_files={ODD}/train.parquet" "data.val_files={ODD}/test.parquet"',
        "0 problems",
        files={ODD: quickstart},
        status=0,
    ),
    case(
        "odd recipe",
        'DRY_RUN=1 r1-verl train "my (1) =é/a, b.yaml"',
        "train_batch_size: 7",
        "experiment_name: a, b",
        files={"my (1) =é/a, b.yaml": f"{BASE}data: {{train_batch_size: 7}}\n"},
        status=0,
    ),
    case("sound quickstart", "r1-verl doctor quickstart_grpo", "0 problems", files=DATA, status=0),
)
