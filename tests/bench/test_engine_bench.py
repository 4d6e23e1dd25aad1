import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.engine.llama import LlamaServer, open_llama
from bench.engine.real import on_real

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.worker
def test_the_bench_for_a_gpu_runs_on_a_cpu_with_tiny_sizes() -> None:
    command = [sys.executable, "-m", "bench.engine", "--cuda", "--device", "cpu", "--tiny"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=120)
    found = json.loads(done.stdout.splitlines()[-1])["cuda"]
    for rows in ("1", "3"):
        measured = found["tiny"][rows]
        assert all(measured[f"{side}_step_s"] > 0 for side in ("graphs", "own_forward"))
        assert measured["generate_tok_per_s"] > 0
        assert measured["share_of_bandwidth"] > 0
    assert not found["left_out"]


def test_a_real_model_is_measured_beside_its_own_forward(random_model_dir: Path) -> None:
    found = on_real(str(random_model_dir), "float32", 1, 1, rows=(1, 3), n_read=64)
    assert found["kl"] < 1e-5
    assert all(found[f"real_{key}_ratio"] > 0 for key in ("1", "3", "prompt"))


SERVER = """#!{python}
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply({{"status": "ok"}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/completion" and body["ignore_eos"] and not body["cache_prompt"]
        written = min(body["n_predict"], {most})
        self.reply({{"tokens_predicted": written, "tokens_evaluated": len(body["prompt"])}})

    def reply(self, found):
        text = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *given):
        pass

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert options["--parallel"] == "3" and options["--ctx-size"] == str(3 * 640)
ThreadingHTTPServer((options["--host"], int(options["--port"])), Answers).serve_forever()
"""


def llama_server(folder: Path, most: int = 10**6) -> tuple[str, str]:
    """Returns a program that answers like llama.cpp's server, and a file that it may serve."""
    program, gguf = folder / "llama-server", folder / "model.gguf"
    program.write_text(SERVER.format(python=sys.executable, most=most), encoding="utf-8")
    program.chmod(0o755)
    gguf.write_bytes(b"GGUF")
    return str(program), str(gguf)


@pytest.mark.worker
def test_a_real_model_is_measured_beside_a_server_of_llama_cpp(
    random_model_dir: Path, tmp_path: Path
) -> None:
    with open_llama(*llama_server(tmp_path), 1, 3) as llama:
        assert llama.cpu_s() is None or llama.cpu_s() >= 0  # type: ignore[operator]
        arguments: tuple[str, str, int, int] = (str(random_model_dir), "float32", 1, 1)
        found = on_real(*arguments, rows=(1, 3), n_read=64, llama=llama)
    for key in ("1", "3", "prompt"):
        assert found[f"llama_{key}_tok_per_s"] > 0
        assert found[f"llama_{key}_ratio"] > 0


@pytest.mark.worker
def test_a_server_that_writes_less_or_does_not_start_is_no_measurement(tmp_path: Path) -> None:
    program, gguf = llama_server(tmp_path, most=5)
    with open_llama(program, gguf, 1, 3) as llama, pytest.raises(RuntimeError, match="wrote 5"):
        llama.write([(1, 2, 3)], 8)
    with pytest.raises(RuntimeError, match="needs --gguf"), open_llama(program, "", 1, 3):
        pass
    ending = tmp_path / "ending"
    ending.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    ending.chmod(0o755)
    with pytest.raises(RuntimeError, match="ended with 3"), open_llama(str(ending), gguf, 1, 3):
        pass


def test_the_processor_time_of_a_server_elsewhere_is_not_known() -> None:
    server = LlamaServer("http://127.0.0.1:9")
    assert server.cpu_s() is None
    server.close()
