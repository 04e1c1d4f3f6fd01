"""Models to talk to: the embedded one, any other on this machine, or a server that speaks the OpenAI chat protocol.

What a red-teaming annotator talks to (`pilot.annotate(name, model=…)`). A reply comes piece by piece.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.errors import TrainingError
from workbench.records import canonical_json
from workbench.training.models import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from workbench.tasks import Turn

# One conversation at a time computes: two at once on the same cores are slower than one after the other.
_COMPUTING = threading.Lock()
_TIMEOUT_S = 120
_NO_REPLY = "the model's server sent something that is no chat reply"


@dataclass(frozen=True)
class Chat:
    """A model that replies. `params` is what is recorded with each reply; it never holds a key."""

    reply: Callable[[Sequence[Turn]], Iterator[str]]
    model: str
    model_sha256: str | None = None
    params: dict[str, Any] = field(default_factory=dict)


def embedded(
    name: str = EMBEDDED,
    *,
    system: str = "",
    temperature: float = 0.7,
    top_p: float = 0.95,
    max_new_tokens: int = 200,
    seed: int = 0,
) -> Chat:
    """A model on this machine (see `models.resolve`), loaded when it is first spoken to.

    The same turns and seed give the same reply on the same machine.

    Raises
    ------
    MissingExtraError
        When [train] is not installed.
    TrainingError
        When there is no such model; when it is spoken to, if a conversation no longer fits its context.
    """
    from workbench.training import models

    ref = models.resolve(name)
    params = {
        "system": system,
        "temperature": temperature,
        "top_p": top_p,
        "max_new_tokens": max_new_tokens,
        "seed": seed,
    }

    def reply(turns: Sequence[Turn]) -> Iterator[str]:
        with _COMPUTING:
            yield from _generate(_loaded(ref.id), turns, params)

    return Chat(reply, ref.id, ref.sha256, params)


def endpoint(
    base_url: str,
    model: str,
    *,
    api_key_env: str = "",
    system: str = "",
    temperature: float = 0.7,
    max_new_tokens: int = 400,
) -> Chat:
    """A server that speaks the OpenAI chat protocol (`POST {base_url}/chat/completions`, streamed).

    Parameters
    ----------
    base_url
        For example `http://127.0.0.1:8000/v1` of a local vLLM or llama.cpp server.
    api_key_env
        Name of the environment variable that holds the key, read at each call. The key itself is never kept.

    Raises
    ------
    TrainingError
        When the address is no http(s) one; when it is spoken to, if the server refuses or cannot be reached.
    """
    if not base_url.startswith(("http://", "https://")):
        raise TrainingError(f"no address of a server: {base_url[:80]!r}", next_step="give http(s)://host:port/v1")
    params = {"system": system, "temperature": temperature, "max_tokens": max_new_tokens}

    def reply(turns: Sequence[Turn]) -> Iterator[str]:
        import httpx

        key = os.environ.get(api_key_env, "").strip() if api_key_env else ""
        if api_key_env and not key:
            raise TrainingError(f"the environment variable {api_key_env} is not set")
        if not key.isascii() or not key.isprintable():
            raise TrainingError(f"the environment variable {api_key_env} holds characters that no key has")
        asked = {
            "model": model,
            "messages": _messages(turns, system),
            "temperature": temperature,
            "max_tokens": max_new_tokens,
            "stream": True,
        }
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            with httpx.stream(
                "POST", f"{base_url.rstrip('/')}/chat/completions", json=asked, headers=headers, timeout=_TIMEOUT_S
            ) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise TrainingError(f"the model's server answered {answer.status_code}")
                yield from _streamed(answer.iter_lines())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error's text may hold the address with a key in it.
            raise TrainingError(f"the model's server cannot be reached ({type(error).__name__})") from None

    return Chat(reply, model, None, params)


def _messages(turns: Sequence[Turn], system: str, clean: Callable[[str], str] = str) -> list[dict[str, str]]:
    first = [{"role": "system", "content": system}] if system else []
    return first + [{"role": turn.role, "content": clean(turn.text)} for turn in turns]


def _streamed(lines: Iterator[str]) -> Iterator[str]:
    """The pieces of a server-sent stream; what cannot be read, or breaks off, is an error and not a silent end."""
    ended = False
    for line in lines:
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            return
        try:
            choices = json.loads(data)["choices"]
            first = choices[0] if choices else {"delta": {}}  # some servers count tokens in a chunk of its own
            piece = first["delta"].get("content") or ""
            ended = ended or bool(first.get("finish_reason"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise TrainingError(_NO_REPLY) from None
        if not isinstance(piece, str):
            raise TrainingError(_NO_REPLY)
        if piece:
            yield piece
    if not ended:
        raise TrainingError("the model's server broke off, or does not stream")


@cache
def _loaded(name: str) -> tuple[Any, Any]:
    from workbench.training import models

    return models.load(models.resolve(name))


def _generate(loaded: tuple[Any, Any], turns: Sequence[Turn], params: dict[str, Any]) -> Iterator[str]:
    import torch
    from transformers import StoppingCriteriaList, TextIteratorStreamer

    from workbench.training.models import plain, quiet
    from workbench.training.sampling import check_length

    model, tokenizer = loaded
    messages = _messages(turns, params["system"], lambda text: plain(text, tokenizer))
    encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
    check_length(encoded["input_ids"][0], params["max_new_tokens"], model, "this conversation")
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=_TIMEOUT_S)
    drawn = {"do_sample": True, "temperature": params["temperature"], "top_p": params["top_p"]}
    options = drawn if params["temperature"] > 0 else {"do_sample": False}
    failed: list[BaseException] = []
    unheard = threading.Event()

    def stops(tokens: Any, *_: Any, **__: Any) -> Any:
        return torch.full(tokens.shape[:1], unheard.is_set(), device=tokens.device)

    # A reply depends on what was said and on the seed, and on nothing that was drawn before.
    digest = hashlib.sha256(canonical_json([params["seed"], messages]).encode()).digest()

    def compute() -> None:
        try:
            with quiet(), torch.inference_mode(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(int.from_bytes(digest[:7], "big"))
                model.generate(
                    **encoded.to(model.device),
                    **options,
                    max_new_tokens=params["max_new_tokens"],
                    pad_token_id=tokenizer.pad_token_id,
                    streamer=streamer,
                    stopping_criteria=StoppingCriteriaList([stops]),
                )
        except Exception as error:  # noqa: BLE001 - the reader must hear of it, or it would wait for the time-out
            failed.append(error)
            streamer.end()

    worker = threading.Thread(target=compute, daemon=True)
    worker.start()
    try:
        yield from streamer
    except queue.Empty:
        raise TrainingError(f"the model was silent for {_TIMEOUT_S} s") from None
    finally:  # also where nobody listens any more: the next conversation computes alone
        unheard.set()
        worker.join()
    if failed:
        raise TrainingError(f"the model failed: {type(failed[0]).__name__}")
