"""The settings of the product: defaults, then `THRICE_*` environment variables, then flags."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict, SettingsError

from ptrapp.core.errors import ConfigurationError
from ptrapp.core.names import is_repository
from ptrapp.core.settings_access import AccessSettings
from ptrapp.core.settings_help import flags_of

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BUNDLED_MODEL = ASSETS / "model"

_SECRETS = ("api_key", "judge_api_key", "strong_api_key", "hf_client_secret")
_ADDRESS = re.compile(r"https?://[^/\s]+\S*")
_STORE = re.compile(r"[a-z][a-z0-9+.:-]*://\S+")


class Settings(AccessSettings):
    """How the app runs. Every flag can also be a variable: --port is THRICE_PORT."""

    model_config = SettingsConfigDict(
        env_prefix="THRICE_",
        extra="forbid",
        use_attribute_docstrings=True,
        frozen=True,
        cli_kebab_case=True,
        cli_prog_name="thrice",
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        cli_exit_on_error=False,
    )

    model: str = "bundled"
    """A causal language model: `bundled`, `smollm2`, a folder, a GGUF file or a hub id. One without
    a chat template is asked in plain text. Unless it is given, the model that answered last goes on
    answering."""
    engine: Literal["local", "openai"] = "local"
    """Where the model runs: on this machine, or on an OpenAI-compatible server such as vLLM."""
    base_url: str = ""
    """Address of the server, such as http://127.0.0.1:8101/v1."""
    api_key: SecretStr = SecretStr("")
    """Key the server wants, if any. Better as THRICE_API_KEY: a command line is seen by others."""
    served_model: str = ""
    """The server's name of the base model; empty takes the first it names."""
    context_length: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Tokens the server's model reads, answer included; 0 asks the server, which vLLM answers."""
    device: Literal["auto", "cpu", "cuda", "mps", "xpu"] = "auto"
    """Where the model is served and trained; auto takes the accelerator that PyTorch sees. ROCm
    calls itself cuda; mps (Apple) and xpu (Intel) have not been tried."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """CPU threads of the engine; 0 chooses: one for a small model, else as many as are measured to
    pay."""
    weights: Literal["auto", "mixed", "float32", "float16", "bfloat16", "int8"] = "auto"
    """Form of the weights that the engine computes with. On a CPU, auto measures float16 beside
    float32 when the model is loaded; mixed may read prompts in bfloat16 besides, and is asked for
    only, as int8 is. On a GPU, auto and mixed are the type of the saved weights."""
    thought_format: Literal["auto", "tiny", "think", "generic", "specific", "system"] = "auto"
    """How a thought is asked for and marked; auto reads it off the chat template."""
    judge: str = "verifier"
    """Who compares for a person: verifier (needs a reference answer), llm (a language model on a
    server), python:MODULE:FUNCTION, a ready-made rule (rule:length:20-60, rule:regex:PATTERN,
    rule:is_json), or a reward model by path, hub id or the name of one trained here."""
    judge_base_url: str = ""
    """Address of the server of the judge llm."""
    judge_model: str = ""
    """That server's name of the model; empty takes the first it names."""
    judge_api_key: SecretStr = SecretStr("")
    """Key that server wants, if any; better as THRICE_JUDGE_API_KEY."""
    strong_base_url: str = ""
    """Address of the server of a stronger model that writes final answers for refinement data."""
    strong_model: str = ""
    """That server's name of the model; empty takes the first it names."""
    strong_api_key: SecretStr = SecretStr("")
    """Key that server wants, if any; better as THRICE_STRONG_API_KEY."""
    data_dir: Path = Path("data")
    """Folder of the database, the adapters and the jobs' checkpoints."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite in the data folder."""
    worker: bool = True
    """Start a training worker beside the app."""
    train_every: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Queue a DPO job whenever this many new preferences are in; 0 trains only on request."""
    auto_activate: bool = True
    """Serve a finished version by itself, once it has passed the gate."""
    gate_problems: Annotated[int, Field(ge=0, le=100_000)] = 200
    """Held-out problems that a finished version and the one that answers are measured on before it
    serves by itself; 0 measures nothing."""
    gate_minutes: Annotated[float, Field(ge=0, le=100_000)] = 30.0
    """Most minutes of that measurement: problems beyond them are left out; 0 measures all."""
    gate_task: str = "auto"
    """Those problems, named as tasks of an evaluation are: auto fits the model, else generated,
    held_out, instructions, a file, hf:NAME."""
    gate_judge: str = ""
    """Judge whose win rate decides instead of the problems' answers, named as in --judge."""
    gate_margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much worse, as a share, the whole interval must be for a version to wait; 0 is any."""
    gate_min_examples: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Examples a version must have learnt from to serve by itself; 0 takes any number."""
    max_pins: Annotated[int, Field(ge=0, le=1000)] = 20
    """Prompts that may be pinned at once; each version answers each of them by itself."""
    max_prompt_chars: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Longest prompt accepted, in characters: a bound before tokenisation."""
    max_lora_rank: Annotated[int, Field(ge=1, le=512)] = 64
    """Highest rank of an adapter that the server takes (vLLM's own --max-lora-rank must match)."""
    train_launcher: str = ""
    """Command that starts a training on several devices, such as `accelerate launch`; empty starts
    one process."""
    sink: tuple[Literal["tensorboard", "trackio"], ...] = ()
    """Where jobs mirror their metrics to besides the database; say it once for each."""
    lease_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    """Seconds after which a job whose worker is silent is taken over."""
    backup_every_h: Annotated[float, Field(ge=0, le=8760)] = 24.0
    """Hours between two backups, made while the app runs; 0 makes none by the clock."""
    backups_kept: Annotated[int, Field(ge=1, le=1000)] = 7
    """Backups that stay when an older one is removed."""
    backup_dir: str = ""
    """Folder of the backups, best on another disk; empty is `backups` in the data folder."""
    artifacts: str = ""
    """URL of a store that machines share, such as s3://bucket/thrice (with the package s3fs) or
    file:///mnt/thrice: versions and frozen data are kept there too, named by their hash, and
    fetched where the data folder lacks them. Empty keeps them in the data folder alone."""
    keep_in: str = ""
    """Private data set at Hugging Face, OWNER/NAME, that keeps a copy of the data: it is fetched by
    a start without data, as where a disk is wiped. HF_TOKEN may write there."""
    keep_every_min: Annotated[float, Field(gt=0, le=1440)] = 5.0
    """Minutes between two copies to it, made when something was stored; the hub counts commits."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is written to the terminal."""

    allow_source: tuple[str, ...] = ()
    """Files, folders and models by path that jobs started from a page may name as well."""

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'thrice.db').resolve()}"

    def as_environment(self) -> dict[str, str]:
        """Returns these settings as environment variables for another process of the product."""
        values = self.model_dump(mode="json")
        values |= {name: getattr(self, name).get_secret_value() for name in _SECRETS}
        values["data_dir"] = str(self.data_dir.resolve())
        return {
            f"THRICE_{name.upper()}": json.dumps(value) if isinstance(value, list) else str(value)
            for name, value in values.items()
        }

    @property
    def model_path(self) -> str:
        """The argument of `from_pretrained`; what is on this machine, by its absolute path.

        `smollm2` and a GGUF file become a folder first: see `ptrapp.models.finding`.
        """
        if self.model == "bundled":
            return str(BUNDLED_MODEL)
        path = Path(self.model).expanduser()
        return str(path.resolve()) if path.exists() and self.model != "smollm2" else self.model

    def with_model(self, model_path: str) -> Self:
        """Returns a copy with another model, for training the model that a server has."""
        name = "bundled" if model_path == str(BUNDLED_MODEL) else model_path
        return self.model_copy(update={"model": name})

    def make_data_folder(self) -> None:
        """Creates the data folder unless it exists. Raises `ConfigurationError`."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the data folder {self.data_dir} cannot be made ({error.strerror}). "
                "Name another: --data-dir FOLDER"
            ) from error

    @property
    def models_dir(self) -> Path:
        """Models converted from GGUF files, a folder each."""
        return self.data_dir / "models"

    @property
    def judges_dir(self) -> Path:
        """Reward models trained here, a folder each."""
        return self.data_dir / "judges"

    @property
    def adapters_dir(self) -> Path:
        return self.data_dir / "adapters"

    @property
    def jobs_dir(self) -> Path:
        return self.data_dir / "jobs"

    @property
    def backups_dir(self) -> Path:
        return Path(self.backup_dir) if self.backup_dir else self.data_dir / "backups"

    @property
    def exports_dir(self) -> Path:
        return self.data_dir / "exports"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if mistakes := [
            *self.mistakes_of_access(),
            *self._of_the_server(),
            *self._of_the_judge(),
            *self._of_the_keeping(),
            *self._of_the_artifacts(),
        ]:
            raise ValueError("\n".join(mistakes))
        return self

    def _of_the_server(self) -> Iterator[str]:
        if self.engine == "openai":
            if not self.base_url:
                yield "engine openai needs the server's address: --base-url http://127.0.0.1:8101/v1"
            elif not _ADDRESS.fullmatch(self.base_url):
                yield _no_address("base-url", self.base_url)
            return
        for name in ("base_url", "api_key", "served_model", "context_length"):
            if getattr(self, name) != type(self).model_fields[name].default:
                yield f"{name.replace('_', '-')} is for a server; say --engine openai with it"

    def _of_the_judge(self) -> Iterator[str]:
        if self.judge == "llm" and not self.judge_base_url:
            yield "judge llm needs its server's address: --judge-base-url http://127.0.0.1:8102/v1"
        for name in ("judge_base_url", "strong_base_url"):
            address = getattr(self, name)
            if address and not _ADDRESS.fullmatch(address):
                yield _no_address(name.replace("_", "-"), address)

    def _of_the_keeping(self) -> Iterator[str]:
        if self.keep_in and (self.keep_in.count("/") != 1 or not is_repository(self.keep_in)):
            yield f"keep-in {self.keep_in} names no data set; it is like ann/thrice-data"
        if self.keep_in and self.database_url:
            yield "keep-in keeps the database of the data folder; leave out keep-in or database-url"

    def _of_the_artifacts(self) -> Iterator[str]:
        if self.artifacts and not _STORE.fullmatch(self.artifacts):
            yield "artifacts is no URL; it is like s3://bucket/thrice or file:///mnt/thrice"


def _no_address(name: str, given: str) -> str:
    return f"{name} {given} is no address; it begins with http:// or https://"


def load_settings(flags: list[str] | None = None, **overrides: object) -> Settings:
    """Reads the settings from the environment, `flags` and `overrides`, in rising precedence.

    Raises `ConfigurationError` with one line for each mistake.
    """
    try:
        source = None if flags is None else flags_of(Settings, flags)
        return Settings(_cli_settings_source=source, **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        raise ConfigurationError(_in_words(error)) from error
    except SettingsError as error:
        mistake = str(error).removeprefix("error parsing CLI: ")
        named = mistake.partition("unrecognized arguments: ")[2]
        if named and not named.startswith("-"):  # a command, behind a flag that is the app's alone
            mistake += (
                ". A command follows --data-dir and its like alone; what else it needs to know of "
                "the app is in the environment, as THRICE_PORT"
            )
        raise ConfigurationError(f"{mistake}. See --help") from error


def _in_words(error: ValidationError) -> str:
    lines = []
    for mistake in error.errors():
        name = ".".join(str(part) for part in mistake["loc"]).replace("_", "-")
        message = mistake["msg"].removeprefix("Value error, ")
        given = f" (given: {mistake['input']!r})" if name else ""
        lines.append(f"{name}: {message}{given}" if name else message)
    return "\n".join(lines)
