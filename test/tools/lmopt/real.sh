# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What needs a model of real size: the keys of bench, and interruption in the middle of work.
# In: the models of script/fetch-models in $LMOPT_MODELS (default: build/models).
. "$(dirname "$0")/harness.sh"
: "${LMOPT_MODELS:=$SOURCE/build/models}"
smol=$LMOPT_MODELS/smol.gguf
[ -e "$smol" ] && [ -e "$LMOPT_MODELS/minilm" ] || {
  echo "no models in $LMOPT_MODELS: run script/fetch-models" >&2
  exit 1
}

expect 0 "$LMOPT" compile "$smol" --recipe int8 -o "$scratch/smol.so"
expect 0 "$LMOPT" compile "$LMOPT_MODELS/minilm" --recipe int8 -o "$scratch/minilm.so"
expect 0 "$LMOPT" bench "$scratch/smol.so" -r 1 --format json
json 'list(r) == ["pp512", "tg64", "open_ms", "rss_mb", "artifact_mb", "threads"] and all(v > 0 for v in list(r.values())[:5])'
json "abs(r['artifact_mb'] * 1e6 / $(stat -c %s "$scratch/smol.so") - 1) < 1e-3"
expect 0 "$LMOPT" bench "$scratch/minilm.so" -r 1 --format json
json 'list(r) == ["1x16", "1x128", "32x128", "open_ms", "rss_mb", "artifact_mb", "threads"] and all(v > 0 for v in list(r.values())[:6])'
expect 0 "$LMOPT" bench "$scratch/smol.so" -r 1 --prompt 40 --sessions 3 --instances 1 --format json
json 'list(r)[:5] == ["pp40", "tg64_at40", "tg64_at40_sessions3", "pp40_instances1", "tg64_at40_instances1"]'
json 'all(v > 0 for v in list(r.values())[:-1])'
expect 0 "$LMOPT" bench "$scratch/minilm.so" -r 1 --instances 1 --format json
json 'list(r)[3:6] == ["1x16_instances1", "1x128_instances1", "32x128_instances1"] and all(v > 0 for v in list(r.values())[:-1])'
expect 0 "$LMOPT" bench "$scratch/smol.so" -r 1 --prompt 20 --sessions 2 --threads 2 --profile --format json
json '[x["phase"] for x in r["profile"]["rows"]][0] == "pp20" and r["profile"]["bounds"]["memory_gb_per_s"] > 0'
json 'sum(x["calls"] for x in r["profile"]["rows"] if (x["phase"], x["part"]) == ("tg64_at20_sessions2", "layers.*.attn.q")) == 30'
json 'all(0 <= x["share"] <= 1 for x in r["profile"]["rows"]) and abs(sum(x["share"] for x in r["profile"]["rows"]) - 2) < 0.1'
expect 0 "$LMOPT" bench "$scratch/minilm.so" -r 1 --profile
says '32x128 +calls +ms +share'
refuse 2 'needs a decoder' "$LMOPT" bench "$scratch/minilm.so" -r 1 --sessions 2
refuse 2 'CPUs only' "$LMOPT" bench "$scratch/minilm.so" -r 1 --instances 1024
refuse 2 'positions' "$LMOPT" bench "$scratch/smol.so" -r 1 --prompt 8192
expect 0 "$LMOPT" run "$scratch/smol.so" -p "The capital of France is" -n 3
says 'Paris'
expect 0 "$LMOPT" run "$scratch/smol.so" --chat -p "Say hello." -n 20

# The weights in a file of their own compute the same.
expect 0 "$LMOPT" run "$scratch/smol.so" -p "Once upon a time" -n 8 --format json
whole=$out
expect 0 "$LMOPT" compile "$smol" --recipe int8 --weights-file -o "$scratch/split.so"
[ "$(stat -c %s "$scratch/split.so")" -lt 20000000 ] || fail "--weights-file leaves the weights inside"
expect 0 "$LMOPT" run "$scratch/split.so" -p "Once upon a time" -n 8 --format json
[ "$out" = "$whole" ] || fail "split weights compute something else"

# interrupt FOLDER COMMAND...: starts the command, waits until it has written something into FOLDER, and sends SIGINT.
interrupt() {
  python3 - "$@" <<'PYTHON'
import os, signal, subprocess, sys, time
folder, command = sys.argv[1], sys.argv[2:]
with open(os.path.join(folder, "output"), "wb") as output:
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE)
    while process.poll() is None and not any(entry.name != "output" or entry.stat().st_size for entry in os.scandir(folder)):
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    message = process.communicate()[1].decode()
print(message, end="")
sys.exit(process.returncode if process.returncode >= 0 else 1)
PYTHON
}
mkdir "$scratch/compile" "$scratch/run"
expect 130 interrupt "$scratch/compile" "$LMOPT" compile -q "$smol" -o "$scratch/compile/x.so"
says 'interrupted'
[ "$(ls -A "$scratch/compile")" = output ] || fail "an interrupted compile leaves $(ls -A "$scratch/compile")"
expect 130 interrupt "$scratch/run" "$LMOPT" run "$scratch/smol.so" -p "Count: 1, 2, 3," -n 4000
says 'interrupted'
finish
