#!/usr/bin/env bash
# Runs what only a machine with a GPU can tell, in at most eight minutes, and prints one JSON last:
# the tests marked gpu, the embedded engine beside its memory's bandwidth and generate(), and DPO and
# SFT beside TRL with 135M and 1B random weights.
#
#     bench/on_gpu.sh OUT [--tiny]
#
# OUT/on_gpu.json has everything, OUT/log.txt what the parts said. Each part has its own limit; one
# that fails or takes too long is reported, and the others go on. --tiny runs the same on a CPU.
#
#     PARTS     which to run, all where it is not set: tests engine dpo_1b kernels others
#     WHEELS    a folder of wheels to install first, where there is no network
#     PYTHON    the interpreter, python3 where it is not set
#     LIMIT_S   seconds for everything, 480 where it is not set
set -u
OUT=$(realpath -m "${1:?say where the output goes: bench/on_gpu.sh OUT [--tiny]}")
TINY=${2:-}
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-python3}
PARTS=${PARTS:-tests engine dpo_1b kernels others}
ENDS=$(($(date +%s) + ${LIMIT_S:-480}))
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$OUT"
unset PYTHONDONTWRITEBYTECODE # each part starts processes, which would compile all modules anew
export PYTHONPATH="$WORK/site:$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false

# part NAME SECONDS COMMAND…: runs it within its seconds and those that are left of all, and keeps
# what it prints. It is told to end ten seconds before it is killed.
part() {
    local name=$1 limit=$2 began left rc
    shift 2
    case " $PARTS install compile versions " in *" $name "*) ;; *) return ;; esac
    began=$(date +%s)
    left=$((ENDS - began - 10))
    [ "$limit" -gt "$left" ] && limit=$left
    echo "=== $name, at most $limit s: $*" | tee -a "$OUT/log.txt" >&2
    if [ "$limit" -le 5 ]; then
        rc=no-time-left
    else
        LIMIT=$limit timeout -k 10 "$limit" "$@" >"$WORK/$name.out" 2>>"$OUT/log.txt"
        rc=$?
    fi
    echo "$name $rc $(($(date +%s) - began))" >>"$WORK/parts"
    cat "$WORK/$name.out" >>"$OUT/log.txt" 2>/dev/null
    tail -n 3 "$WORK/$name.out" 2>/dev/null | cut -c -300 >&2
    echo "=== $name: rc $rc" | tee -a "$OUT/log.txt" >&2
}

# training LEFT CASES: measures cases until so many seconds before its limit.
training() {
    exec "$PYTHON" -m bench.training --cuda $TINY --cases "$2" --seconds $((LIMIT - $1))
}
export -f training
export PYTHON TINY

if [ -n "${WHEELS:-}" ]; then
    part install 60 "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --upgrade --target "$WORK/site" "$WHEELS"/*.whl
    part compile 60 "$PYTHON" -m compileall -q -j 0 "$WORK/site"
fi
device=cuda n_processes=3 others=dpo_135m,sft_1b,sft_135m
[ -n "$TINY" ] && device=cpu n_processes=0 others=dpo_135m,sft_1b
part versions 30 "$PYTHON" -c '
import json, peft, platform, torch, transformers
found = {p.__name__: p.__version__ for p in (torch, transformers, peft)}
found |= {"python": platform.python_version(), "cuda": torch.version.cuda}
if torch.cuda.is_available():
    found["device"] = torch.cuda.get_device_name()
    found["memory_gb"] = torch.cuda.get_device_properties(0).total_memory / 1e9
print(json.dumps(found))'
# shellcheck disable=SC2046 # names of our own, without spaces
part tests 110 env THRICE_TEST_DEVICE=$device "$PYTHON" -m pytest -m gpu -n $n_processes -p no:cacheprovider \
    --tb short -W ignore --durations 3 $(find tests -name 'test_*_on_gpu.py' | sort)
part engine 110 "$PYTHON" -m bench.engine --cuda ${TINY:+--device cpu --tiny}
part dpo_1b 150 bash -c 'training 30 dpo_1b'
part kernels 60 bash -c 'training 0 kernels'
part others 480 bash -c "training 20 $others"

"$PYTHON" - "$WORK" "$OUT" <<'EOF'
import json
import sys
from pathlib import Path

work, out = map(Path, sys.argv[1:])
report = {}
for line in (work / "parts").read_text(encoding="utf-8").splitlines():
    name, rc, seconds = line.split()
    printed = work / f"{name}.out"
    lines = printed.read_text(encoding="utf-8").strip().splitlines() if printed.exists() else []
    report[name] = {"rc": rc, "seconds": int(seconds)}
    try:
        report[name] |= json.loads(lines[-1])
    except (IndexError, TypeError, ValueError):
        report[name]["said"] = lines[-15:]
(out / "on_gpu.json").write_text(json.dumps(report, indent=1), encoding="utf-8")


def short(value):
    """Leaves out what is long: the tasks, and the list of kernels but its first."""
    if not isinstance(value, dict):
        return value
    kept = {name: short(each) for name, each in value.items() if name not in ("task", "formula")}
    if "kernels" in kept and isinstance(kept["kernels"], list):
        kept["kernels"] = kept["kernels"][:8]
    return kept


print(json.dumps(short(report)))
EOF
