import json
import time

import httpx
import pytest
from starlette.testclient import TestClient
from tiny_playground import served, tiny_playground

from openflan.playground.server import make_app

ASK = {"model": "first", "instruction": "the cat sat on"}


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    return tiny_playground(tmp_path_factory.mktemp("cards"))


@pytest.fixture(scope="module")
def client(playground):
    with TestClient(make_app(playground), base_url="http://127.0.0.1") as client:
        yield client


def message(response) -> str:
    return response.json()["error"]["message"]


def test_the_models_are_listed(client):
    models = client.get("/api/models").json()["models"]
    assert [one["name"] for one in models] == ["first", "second"]
    assert models[0]["join"] == "newline" and models[0]["context"] == 256 and models[0]["parameters"] > 1000


def test_an_answer_is_the_same_streamed_or_not(client):
    asked = {**ASK, "max_tokens": 8, "temperature": 0.9, "samples": 2, "seed": 5, "references": ["mat"]}
    whole = client.post("/api/generate", json=asked).json()["answers"]
    lines = client.post("/api/generate", json={**asked, "stream": True}).text.splitlines()
    events = [json.loads(line) for line in lines]
    for sample, answer in enumerate(whole):
        texts = [one["text"] for one in events if one["event"] == "text" and one["sample"] == sample]
        assert "".join(texts).strip() == answer["text"]
        assert answer["right"] is (answer["text"].casefold().rstrip(".") == "mat") and answer["tokens"] <= 8


def test_options_are_ranked_with_the_block_and_without(client, playground):
    found = client.post("/api/rank", json={**ASK, "options": ["a mat", "rain"]}).json()
    model = playground.models["first"]
    for key, text in [("bare", "the cat sat on"), ("block", "the cat sat on\n\nOPTIONS:\n- a mat\n- rain")]:
        expected = model.rank(text, ["a mat", "rain"])
        assert [one["logprob"] for one in found[key]["options"]] == [one.logprob for one in expected]
        assert found[key]["choice"] == max(expected, key=lambda one: one.logprob).option
    prompt = client.post("/api/prompt", json={**ASK, "options": ["a mat", "rain"]}).json()
    assert prompt["text"] == "the cat sat on\n\nOPTIONS:\n- a mat\n- rain\n"


@pytest.mark.parametrize(("changes", "said"), [
    ({"model": "third"}, "no model is called 'third' here; there are first, second"),
    ({"instruction": " "}, "instruction: the instruction is empty"),
    ({"instruction": "x" * 1_000_000}, "instruction: over the limit of 200,000 characters"),
    ({"instruction": "mat " * 1000}, "tokens; with 256 for the answer that is more than the 256 that first takes"),
    ({"temperature": -1}, "temperature: Input should be greater than or equal to 0"),
    ({"max_tokens": 10**9}, "max_tokens: Input should be less than or equal to 1024"),
    ({"tempreature": 1}, "tempreature: Extra inputs are not permitted"),
    ({"instruction": "\ud800"}, "instruction: Input should be a valid string"),
])  # fmt: skip
def test_what_is_wrong_with_a_request_is_a_sentence(client, changes, said):
    response = client.post(
        "/api/generate", content=json.dumps({**ASK, **changes}), headers={"content-type": "application/json"}
    )
    assert response.status_code == 400 and said in message(response)
    assert client.post("/api/generate", json={**ASK, "max_tokens": 1}).status_code == 200


def test_requests_are_bounded_and_must_be_json(client):
    headers = {"content-type": "application/json"}
    assert client.post("/api/generate", content=b"x" * (5 << 20), headers=headers).status_code == 413
    assert client.post("/api/generate", content=b"{" * 1000, headers=headers).status_code == 400
    assert client.post("/api/generate", content="{}", headers={"content-type": "text/plain"}).status_code == 415
    assert "no whole number" in message(client.get("/api/row?dataset=rte&row=-1"))
    assert client.get("/nowhere").status_code == 404


def test_only_this_machine_and_this_page_may_ask(playground):
    client = TestClient(make_app(playground, hosts=("127.0.0.1",)), base_url="http://127.0.0.1:8765")
    assert client.get("/api/models").status_code == 200
    assert client.get("/api/models", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/api/models", headers={"origin": "http://evil.example"}).status_code == 403
    assert client.get("/api/models", headers={"origin": "http://127.0.0.1:8765"}).status_code == 200
    policy = client.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'") and "unsafe" not in policy


def test_others_need_the_token(playground):
    client = TestClient(make_app(playground, token="secret"), follow_redirects=False)
    assert client.get("/api/models").status_code == 401
    assert client.get("/").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    assert client.get("/api/models", headers={"authorization": "Bearer secret"}).status_code == 200
    welcome = client.get("/?token=secret")
    assert welcome.status_code == 303 and welcome.headers["location"] == "/"
    assert "httponly" in welcome.headers["set-cookie"].lower()
    assert client.get("/api/models").status_code == 200


def test_who_closes_the_page_stops_the_work(playground):
    model = playground.models["first"]
    with served(playground) as address:
        asked = {**ASK, "max_tokens": 200, "samples": 8, "temperature": 1.0, "stream": True}
        with httpx.stream("POST", f"{address}/api/generate", json=asked) as response:
            next(response.iter_lines())
            assert model.turns.inside == 1
        until = time.monotonic() + 20
        while model.turns.inside and time.monotonic() < until:
            time.sleep(0.02)
        assert model.turns.inside == 0
        assert httpx.post(f"{address}/api/generate", json={**ASK, "max_tokens": 2}).status_code == 200


def test_too_many_are_told_so(playground, client):
    model = playground.models["first"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.turns, "limit", 0)
        assert client.post("/api/rank", json={**ASK, "options": ["a", "b"]}).status_code == 503
        refused = client.post("/api/generate", json=ASK)
        assert refused.status_code == 503 and "try again" in message(refused)
        streamed = client.post("/api/generate", json={**ASK, "stream": True})
        assert json.loads(streamed.text)["event"] == "error"
    assert client.post("/api/rank", json={**ASK, "options": ["a", "b"]}).status_code == 200
