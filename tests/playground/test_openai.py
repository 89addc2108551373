import json

import pytest
import torch
from small_models import byte_tokenizer, small_model_of
from starlette.testclient import TestClient
from tiny_folder import save_tiny_model
from tiny_playground import served, tiny_playground

from openflan.data.encode import Format
from openflan.evaluation.scoring.interface import RankRequest
from openflan.playground.models import open_model
from openflan.playground.server import make_app

TEXT = "the cat sat on a mat while rain fell"


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made = tiny_playground(folder)
    made.models.models["saved"] = open_model(save_tiny_model(folder / "saved"), Format(join="space"), name="saved")
    return made


@pytest.fixture(scope="module")
def client(playground):
    with TestClient(make_app(playground), base_url="http://127.0.0.1") as client:
        yield client


def complete(client, **asked):
    response = client.post("/v1/completions", json={"model": "first", "temperature": 0, **asked})
    assert response.status_code == 200, response.text
    return response.json()


def test_texts_and_ids_one_or_several_are_continued_alike(client):
    ids = byte_tokenizer().encode(TEXT).ids
    [one] = complete(client, prompt=TEXT, max_tokens=5)["choices"]
    assert [choice["text"] for choice in complete(client, prompt=ids, max_tokens=5)["choices"]] == [one["text"]]
    several = complete(client, prompt=[ids, ids[:3]], max_tokens=5)
    assert [choice["index"] for choice in several["choices"]] == [0, 1]
    assert several["choices"][0]["text"] == one["text"] != several["choices"][1]["text"]
    assert several["usage"]["prompt_tokens"] == len(ids) + 3
    assert [len(complete(client, prompt=[TEXT] * 2, n=3, max_tokens=2)["choices"])] == [6]


@pytest.mark.parametrize("max_tokens", [0, 1])
def test_echo_says_how_likely_a_text_is(client, max_tokens):
    ids = byte_tokenizer().encode(TEXT).ids
    [choice] = complete(client, prompt=ids, echo=True, logprobs=1, max_tokens=max_tokens)["choices"]
    said = choice["logprobs"]
    with torch.no_grad():
        plain = small_model_of("llama")(torch.tensor([ids])).logits[0].log_softmax(-1)
    expected = [plain[place, token].item() for place, token in enumerate(ids[1:])]
    assert said["token_logprobs"][0] is None and said["top_logprobs"][0] is None
    assert said["token_logprobs"][1 : len(ids)] == pytest.approx(expected, abs=1e-4)
    assert len(said["tokens"]) == len(ids) + max_tokens and choice["text"].startswith(TEXT)
    best = [max(top.values()) for top in said["top_logprobs"][1:]]
    assert best[: len(expected)] == pytest.approx(plain.max(-1).values[:-1].tolist(), abs=1e-4)
    assert [TEXT[at : at + len(name)] for at, name in zip(said["text_offset"], said["tokens"], strict=True)][
        : len(ids)
    ] == said["tokens"][: len(ids)]


def test_a_stream_of_events_comes_to_the_same(client):
    asked = {"model": "first", "prompt": TEXT, "max_tokens": 6, "seed": 4, "temperature": 0.8, "logprobs": 0}
    whole = client.post("/v1/completions", json=asked).json()["choices"][0]
    lines = client.post("/v1/completions", json={**asked, "stream": True}).text.strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    choices = [json.loads(line.removeprefix("data: "))["choices"][0] for line in lines[:-1]]
    assert "".join(one["text"] for one in choices) == whole["text"]
    assert choices[-1]["finish_reason"] == whole["finish_reason"]
    assert choices[-1]["logprobs"]["token_logprobs"] == whole["logprobs"]["token_logprobs"]


def test_what_is_not_supported_is_said(client):
    for changes, said in [({"suffix": "x"}, "not supported"), ({"model": "gpt"}, "no model is called 'gpt'"),
                          ({"prompt": [[1, 999_999]]}, "tokens beyond"), ({"prompt": []}, "prompt")]:  # fmt: skip
        asked = {"model": "first", "prompt": "x", **changes}
        response = client.post("/v1/completions", json=asked)
        assert response.status_code == 400 and said in response.json()["error"]["message"]


def test_lm_eval_scores_as_we_do(playground, tmp_path, monkeypatch):
    """`local-completions` of lm-eval against the served model gives our log-probabilities, and so our accuracies."""
    pytest.importorskip("tenacity", reason="lm-eval without its extra `api`")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from lm_eval.api.instance import Instance
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    model = playground.models["saved"]
    prompts = ["the cat sat on", "people and towns", "rain fell over the old"]
    options = ["a mat", "the rain", "people while"]
    with served(playground) as address:
        harness = LocalCompletionsAPI(
            base_url=f"{address}/v1/completions", model="saved", tokenizer=str(model.folder),
            tokenizer_backend="huggingface", max_length=256, batch_size=2, max_retries=1, seed=1,
        )  # fmt: skip
        requests = [
            Instance("loglikelihood", {}, (prompt, f" {option}"), number)
            for number, prompt in enumerate(prompts)
            for option in options
        ]
        found = harness.loglikelihood(requests)
        greedy = Instance("generate_until", {}, (prompts[0], {"until": ["\n"], "max_gen_toks": 6}), 0)
        [text] = harness.generate_until([greedy])
    expected = dict(model.scorer.rank([RankRequest(prompt, options) for prompt in prompts]))
    for number in range(len(prompts)):
        theirs = [logprob for logprob, _ in found[3 * number : 3 * number + 3]]
        assert theirs == pytest.approx(expected[number].logprobs, abs=1e-4)
    [(_, ours)] = model.scorer.generate([prompts[0]], max_tokens=6, stop=["\n"])
    assert text.strip() == ours
