# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every command on tiny fixture models: what it prints, and that it can be repeated with the same result.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models
decoder=$scratch/decoder.so
encoder=$scratch/encoder.so
text=$scratch/text.txt
for i in $(seq 40); do echo "Line $i: the compiler reads a model and writes a library."; done >"$text"

# compile, from each kind of source; the same inputs give the same bytes.
expect 0 "$LMOPT" compile "$fixtures/llama-tied" -o "$decoder"
expect 0 "$LMOPT" compile --quiet "$fixtures/llama-tied" -o "$scratch/again.so"
[ -z "$err" ] || fail "--quiet is not quiet: $err"
cmp -s "$decoder" "$scratch/again.so" || fail "compiling twice gives different bytes"
expect 0 "$LMOPT" compile "$fixtures/llama-tied" --recipe int8 -o "$scratch/int8.so"
expect 0 "$LMOPT" compile "$fixtures/gguf-q4_1/model.gguf" -o "$scratch/gguf.so"
expect 0 "$LMOPT" compile "$fixtures/bert-mean" -o "$encoder"

# import, and compile what it wrote.
expect 0 "$LMOPT" import "$fixtures/llama-tied" -o "$scratch/imported"
grep -q 'lm.attention' "$scratch/imported/model.mlir" || fail "model.mlir holds no lm.attention"
[ "$(du -sk "$scratch/imported" | cut -f1)" -lt 200 ] || fail "import copied the weights"
for source in "$scratch/imported" "$scratch/imported/model.mlir"; do
  expect 0 "$LMOPT" compile "$source" -o "$scratch/from-mlir.so"
  expect 0 "$LMOPT" run "$scratch/from-mlir.so" -p "Hello" -n 8 --format json
  from_mlir=$out
  expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 8 --format json
  [ "$out" = "$from_mlir" ] || fail "the imported module computes something else: $from_mlir against $out"
done

# A limit that the maker does not have is said when a checkpoint is read.
expect 0 "$LMOPT" import "$fixtures/llama-rope-dynamic" -o "$scratch/dynamic"
grep -q "rope scaling 'dynamic' changes nothing for sequences of up to 128 tokens" <<<"$err" || fail "no word about dynamic: $err"
expect 0 "$LMOPT" inspect "$fixtures/llama-rope-dynamic" --format json
json 'r["config"]["rope_scaling"] == "dynamic" and r["config"]["max_positions"] == 128 and r["rope_switch"] == 0'
# A GGUF file's divisors are one list for all lengths.
expect 0 "$LMOPT" inspect "$fixtures/gguf-rope-freqs/model.gguf" --format json
json 'r["rope_switch"] == 0'

# The encoder alone of a checkpoint with a head: its vectors, not the answers of its task.
expect 0 "$LMOPT" compile "$fixtures/heads/bert-masked" --no-head -o "$scratch/no-head.so"
expect 0 "$LMOPT" embed "$scratch/no-head.so" --text "hello"
expect 0 "$LMOPT" import "$fixtures/heads/bert-masked" --no-head -o "$scratch/no-head"
grep -q 'lm.pool' "$scratch/no-head/model.mlir" || fail "--no-head pools nothing"
expect 0 "$LMOPT" compile "$fixtures/heads/bert-masked" -o "$scratch/masked.so"
refuse 2 'no-head' "$LMOPT" embed "$scratch/masked.so" --text "hello"
refuse 2 'not a Hugging Face checkpoint of an encoder' "$LMOPT" compile "$fixtures/llama-tied" --no-head -o "$scratch/x.so"
refuse 2 'not a Hugging Face checkpoint of an encoder' "$LMOPT" compile "$fixtures/gguf-q8_0/model.gguf" --no-head -o "$scratch/x.so"

# Stages: stop after each, dump all of them, go on from the optimized module.
for stage in import optimize plan lower emit; do
  expect 0 "$LMOPT" compile "$fixtures/llama-tied" --recipe int8 --stop-after "$stage" -o "$scratch/stage-$stage"
done
grep -q 'lm.quantized_linear' "$scratch/stage-optimize/model.mlir" || fail "the optimized module is not int8"
grep -q 'plan.wait' "$scratch/stage-plan" || fail "the plan has no wait"
grep -q 'scf.for' "$scratch/stage-lower" || fail "the lowered module has no loop"
grep -q '^define' "$scratch/stage-emit" || fail "emit gives no LLVM IR"
expect 0 "$LMOPT" compile "$scratch/stage-optimize" --passes '' -o "$scratch/resumed.so"
expect 0 "$LMOPT" run "$scratch/resumed.so" -p "Hello" -n 8 --format json
resumed=$out
expect 0 "$LMOPT" run "$scratch/int8.so" -p "Hello" -n 8 --format json
[ "$out" = "$resumed" ] || fail "going on from a stage computes something else: $resumed against $out"
expect 0 "$LMOPT" compile "$fixtures/llama-tied" --dump-stages "$scratch/stages" -o "$scratch/dumped.so"
for file in import.mlir optimize.mlir plan.mlir schedule.mlir lower.mlir emit.ll emit.s; do
  [ -s "$scratch/stages/$file" ] || fail "--dump-stages does not write $file"
done
expect 0 "$LMOPT" compile --verbose "$fixtures/llama-tied" --recipe int8 -o "$scratch/verbose.so"
grep -q 'lm-rotate' <<<"$err" || fail "--verbose does not tell what passes decide: $err"
printf '{"name": "mine", "passes": [{"pass": "lm-rotate", "options": {"block": 16}}, {"pass": "lm-quantize-weights"}]}' \
  >"$scratch/mine.json"
expect 0 "$LMOPT" compile "$fixtures/llama-tied" --recipe "$scratch/mine.json" -o "$scratch/mine.so"
expect 0 "$LMOPT" inspect "$scratch/mine.so" --format json
json 'r["manifest"]["recipe"]["name"] == "mine"'
expect 0 "$LMOPT" compile "$fixtures/llama-tied" --passes lm-normalize-rope -o "$scratch/passes.so"
expect 0 "$LMOPT" inspect "$scratch/passes.so" --format json
json 'r["manifest"]["recipe"]["pipeline"] == "lm-normalize-rope"'

# run
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 8 --format json
json 'len(r["tokens"]) <= 8 and len(r["prompt_tokens"]) > 0 and isinstance(r["text"], str)'
json 'list(r) == ["prompt_tokens", "tokens", "text", "stop"]'
first=$out
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 8 --format json -t 2
[ "$out" = "$first" ] || fail "two threads give another result: $out against $first"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 8 --temp 0 --format json
[ "$out" = "$first" ] || fail "--temp 0 is not the default"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 30 --temp 2 --seed 1 --top-k 0 --top-p 1 --min-p 0 --format json
drawn=$out
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 30 --temp 2 --seed 1 --top-k 0 --top-p 1 --min-p 0 --format json
[ "$out" = "$drawn" ] || fail "the same seed gives another text"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 30 --temp 2 --seed 2 --top-k 0 --top-p 1 --min-p 0 --format json
[ "$out" != "$drawn" ] || fail "another seed gives the same text"
printf 'Hello' >"$scratch/prompt.txt"
expect 0 "$LMOPT" run "$decoder" -f "$scratch/prompt.txt" -n 8 --format json
[ "$out" = "$first" ] || fail "a prompt from a file gives another result"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 8
[ "$out" = "$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["text"])' "$first")" ] ||
  fail "text and json differ: $out against $first"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 0 --format json
json 'r["tokens"] == [] and r["text"] == ""'
expect 0 "$LMOPT" run "$decoder" -p "-5 {} [a,b]" -n 1 --format json # CLI11 must leave values alone
json 'len(r["prompt_tokens"]) > 3'
# More than the model's positions: generation ends there.
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 100000 --format json
json 'len(r["tokens"]) + len(r["prompt_tokens"]) <= 129'
refuse 2 'tokens' "$LMOPT" run "$decoder" -f "$text" -n 1
refuse 2 'prompt is empty' "$LMOPT" run "$decoder" -p "" -n 1
refuse 2 'encoder' "$LMOPT" run "$encoder" -p a
for temperature in -1 nan inf; do
  refuse 2 'temperature' "$LMOPT" run "$decoder" -p a --temp "$temperature"
done
refuse 2 'top_k' "$LMOPT" run "$decoder" -p a --top-k -1
refuse 2 'top_p' "$LMOPT" run "$decoder" -p a --top-p 1.5
refuse 2 'min_p' "$LMOPT" run "$decoder" -p a --min-p nan
# Bytes that are no characters: text in, JSON out.
expect 0 "$LMOPT" run "$decoder" -p $'\xff\xfe' -n 8 --format json
json 'len(r["prompt_tokens"]) > 0 and len(r["tokens"]) > 0'
expect 0 "$LMOPT" run "$decoder" -p a -n 100 --temp 3 --top-k 0 --top-p 1 --min-p 0 -s 3 --format json
json 'len(r["text"]) > 0'
refuse 5 'prompt.txt' "$LMOPT" run "$decoder" -f "$scratch/nowhere/prompt.txt"

# --chat, and the same model with a broken template and with none: only --chat minds.
expect 0 "$LMOPT" run "$decoder" --chat -p "Hello" -n 4 --format json
[ "$out" != "$first" ] || fail "--chat changes nothing"
for template in '"{% bogus"' null; do
  rm -rf "$scratch/template"
  cp -r "$fixtures/llama-tied" "$scratch/template"
  python3 - "$scratch/template/tokenizer_config.json" "$template" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["chat_template"] = json.loads(sys.argv[2])
if config["chat_template"] is None:
    del config["chat_template"]
json.dump(config, open(sys.argv[1], "w"))
PYTHON
  expect 0 "$LMOPT" compile "$scratch/template" -o "$scratch/template.so"
  expect 0 "$LMOPT" run "$scratch/template.so" -p "Hello" -n 8 --format json
  [ "$out" = "$first" ] || fail "the chat template changes a plain run"
  code=3
  [ "$template" != null ] || code=4
  refuse "$code" 'template' "$LMOPT" run "$scratch/template.so" --chat -p a
done
# Variables of the template: messages replace the prompt, anything else reaches the template.
printf '{"messages": [{"role": "user", "content": "Hello"}]}' >"$scratch/messages.json"
expect 0 "$LMOPT" run "$decoder" --chat -p "Hello" -n 4 --format json
chat=$out
expect 0 "$LMOPT" run "$decoder" --chat --chat-variables "$scratch/messages.json" -n 4 --format json
[ "$out" = "$chat" ] || fail "messages of a file give something else than -p: $out against $chat"
printf '{"tools": [{"name": "Hello"}], "word": "Again"}' >"$scratch/tools.json"
cp -r "$fixtures/llama-tied" "$scratch/with-tools"
python3 - "$scratch/with-tools/tokenizer_config.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["chat_template"] = "{{ tools[0].name if tools else 'none' }} {{ word }} {{ messages[-1].content }} {{ strftime_now('%Y') | length }}"
json.dump(config, open(sys.argv[1], "w"))
PYTHON
expect 0 "$LMOPT" compile "$scratch/with-tools" -o "$scratch/with-tools.so"
expect 0 "$LMOPT" run "$scratch/with-tools.so" -p "Hello Again a 4" -n 1 --format json
plain=$out
expect 0 "$LMOPT" run "$scratch/with-tools.so" --chat -p a --chat-variables "$scratch/tools.json" -n 1 --format json
json 'r["prompt_tokens"] == json.loads(r"""'"$plain"'""")["prompt_tokens"][-len(r["prompt_tokens"]):]'
expect 0 "$LMOPT" run "$scratch/with-tools.so" -p "none  a 4" -n 1 --format json
plain=$out
expect 0 "$LMOPT" run "$scratch/with-tools.so" --chat -p a -n 1 --format json
json 'r["prompt_tokens"] == json.loads(r"""'"$plain"'""")["prompt_tokens"][-len(r["prompt_tokens"]):]'
refuse 2 'has the messages' "$LMOPT" run "$decoder" --chat -p a --chat-variables "$scratch/messages.json"
refuse 2 'has the messages' "$LMOPT" run "$decoder" --chat --system a --chat-variables "$scratch/messages.json"
printf '[1]' >"$scratch/list.json"
refuse 3 'list.json: expected a JSON object' "$LMOPT" run "$decoder" --chat -p a --chat-variables "$scratch/list.json"
printf '{"tools": 1}' >"$scratch/number.json"
refuse 2 'tools must be null or a JSON array' "$LMOPT" run "$decoder" --chat -p a --chat-variables "$scratch/number.json"
refuse 5 'nowhere.json' "$LMOPT" run "$decoder" --chat -p a --chat-variables "$scratch/nowhere.json"
# A conversation: one answer a line.
checks=$((checks + 1))
answers=$(printf 'Hello\nAgain\n' | "$LMOPT" run "$decoder" --chat -n 3 | wc -l)
[ "$answers" -ge 2 ] || fail "a conversation of two turns gives $answers lines"

# tokenize
expect 0 "$LMOPT" tokenize "$decoder" --text "Hello <|end|>"
json 'list(r) == ["tokens"] and all(isinstance(t, int) for t in r["tokens"])'
special=$out
expect 0 "$LMOPT" tokenize "$decoder" --text "Hello <|end|>" --no-special
[ "$out" != "$special" ] || fail "--no-special recognises a special token"
expect 0 "$LMOPT" tokenize "$encoder" --text ""
json 'len(r["tokens"]) == 2' # [CLS] [SEP]
expect 0 "$LMOPT" tokenize "$encoder" --text "" --no-special
json 'r["tokens"] == []'

# embed: one line a text, in order, and the same vector alone and in company.
expect 0 "$LMOPT" embed "$encoder" --text "a cat" --text "" --text "-x {}"
[ "$(wc -l <<<"$out")" -eq 3 ] || fail "three texts should give three lines: $out"
printf 'a cat\n\n-x {}\n' >"$scratch/lines.txt"
together=$out
expect 0 "$LMOPT" embed "$encoder" --file "$scratch/lines.txt" -t 2
[ "$out" = "$together" ] || fail "--file differs from --text"
expect 0 "$LMOPT" embed "$encoder" --text "a cat"
[ "$out" = "$(head -1 <<<"$together")" ] || fail "a text alone gives another vector"
json 'len(r) == 48 and abs(sum(x * x for x in r) - 1) < 1e-5'
refuse 2 'decoder' "$LMOPT" embed "$decoder" --text a
refuse 5 'nowhere' "$LMOPT" embed "$encoder" --file "$scratch/nowhere"

# eval
expect 0 "$LMOPT" eval "$decoder" --text "$text" --ctx 64 --chunks 3 --format json
json 'r["tokens"] == 96 and r["ppl"] > 1 and r["kl"] is None'
alone=$out
expect 0 "$LMOPT" eval "$decoder" --text "$text" --ctx 64 --chunks 3 --reference "$decoder" --format json
json 'r["kl"] == 0 and r["top1"] == 1 and r["ppl"] == r["ref_ppl"]'
json 'list(r) == ["tokens", "ppl", "ref_ppl", "kl", "top1"]'
json "abs(r['ppl'] - $(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["ppl"])' "$alone")) < 1e-9"
expect 0 "$LMOPT" eval "$scratch/int8.so" --text "$text" --ctx 64 --reference "$decoder" --format json
json '0 < r["kl"] < 0.1 and r["top1"] > 0.7'
expect 0 "$LMOPT" eval "$decoder" --text "$text" --ctx 64 --reference "$decoder"
says 'perplexity +[0-9]'
says 'KL\(reference'
refuse 2 'longer than' "$LMOPT" eval "$decoder" --text "$text" --ctx 4096
refuse 2 'longer text or a smaller --ctx' "$LMOPT" eval "$decoder" --text "$scratch/prompt.txt" --ctx 64
: >"$scratch/empty.txt"
refuse 2 'give a longer text$' "$LMOPT" eval "$decoder" --text "$scratch/empty.txt" --ctx 64
refuse 2 'encoder' "$LMOPT" eval "$encoder" --text "$text"
expect 0 "$LMOPT" eval "$decoder" --text "$text" --ctx 64 --reference "$scratch/gguf.so" # of other tokens: by bytes
says '^bits per byte'
refuse 5 'nowhere' "$LMOPT" eval "$decoder" --ctx 64 --text "$scratch/nowhere"

# A window: more text than the model has positions, and the same text as long as nothing is forgotten.
expect 0 "$LMOPT" run "$decoder" -p "a b c" -n 12 --format json
plain=$out
expect 0 "$LMOPT" run "$decoder" -p "a b c" -n 12 --window 64 --format json
[ "$out" = "$plain" ] || fail "a window that is never full changes the text: $out"
expect 0 "$LMOPT" run "$decoder" -p "a b c" -n 700 --window 24 --sinks 2 --format json
json 'len(r["tokens"]) > 0'
refuse 2 'sinks' "$LMOPT" run "$decoder" -p "a b c" --window 8 --sinks 7
refuse 2 'window' "$LMOPT" run "$decoder" -p "a b c" --sinks 7
refuse 2 'window' "$LMOPT" run "$decoder" -p "a b c" --window 64 --ctx 64

# bench: these models are too short for it; the real ones are benched in test/e2e.
refuse 2 'positions.*; --prompt 64 fits' "$LMOPT" bench "$decoder"
expect 0 "$LMOPT" bench "$decoder" --prompt 64 -r 1 # the advice
says '^[0-9]+ threads?: [0-9]+ physical cores? of [0-9]+ CPUs? allowed, (no CPU quota|quota [0-9.]+ CPUs?)$'
first=$(taskset -pc $$ | sed -E 's/.*: ([0-9]+).*/\1/') # of the CPUs that we may use
expect 0 taskset -c "$first" "$LMOPT" bench "$decoder" --prompt 64 -r 1
says '^1 thread: 1 physical core of 1 CPU allowed, '
expect 0 taskset -c "$first" "$LMOPT" bench "$decoder" --prompt 64 -r 1 --threads 2 --format json
json '(lambda t: (t["count"], t["asked"], t["cpus"], t["cores"], t["spin"]))(r["threads"]) == (2, True, 1, 1, False)'
expect 0 taskset -c "$first" "$LMOPT" run -v "$decoder" -p "a b c" -n 2
tells '^lmopt: 1 thread: 1 physical core of 1 CPU allowed, '
refuse 2 'has 40$' "$LMOPT" bench "$encoder"
refuse 2 '--prompt needs a decoder' "$LMOPT" bench "$encoder" --prompt 5

# inspect
for subject in "$decoder" "$encoder" "$scratch/int8.so" "$fixtures/llama-tied" "$fixtures/gguf-q4_1/model.gguf"; do
  expect 0 "$LMOPT" inspect "$subject"
  says 'layers\.1\.|layers\.0\.'
  expect 0 "$LMOPT" inspect "$subject" --format json
  json 'len(str(r)) > 500'
done
expect 0 "$LMOPT" inspect "$scratch/int8.so" --format json
json 'any(w["name"] == "layers.0.attn.q.weight" and w["format"].startswith("s8") for w in r["manifest"]["weights"])'
json 'r["manifest"]["recipe"]["name"] == "int8" and r["weight_bytes"] == r["manifest"]["weight_bytes"]'
[ "$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["file_bytes"])' "$out")" -eq "$(stat -c %s "$scratch/int8.so")" ] ||
  fail "inspect tells another size than the file has"
expect 0 "$LMOPT" compile "$fixtures/gguf-q4_1/model.gguf" --recipe native -o "$scratch/native.so"
expect 0 "$LMOPT" inspect "$scratch/native.so" --format json
json 'all(s["unit"] == "u8s8" for s in r["manifest"]["steps"] if s["kernel"].startswith("linear_"))'
expect 0 "$LMOPT" inspect "$fixtures/gguf-q4_1/model.gguf" --format json
json 'any(layer.get("format") == "q4_1" for layer in r["layers"])'
finish
