# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Checkpoints whose tokenizer does not quite fit the model, or is changed by the files beside it: from import to text.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models

# edit DIR FILE CODE: runs Python on the JSON document `d` of a file (an empty object if there is none).
edit() {
  python3 - "$1/$2" "$3" <<'PYTHON'
import json, os, sys
path, code = sys.argv[1:]
d = json.load(open(path, encoding="utf8")) if os.path.exists(path) else {}
exec(code)
json.dump(d, open(path, "w", encoding="utf8"), ensure_ascii=False)
PYTHON
}
copy() {
  rm -rf "$scratch/$2"
  cp -r "$fixtures/$1" "$scratch/$2"
  chmod -R u+w "$scratch/$2"
}

# Rows without a token: the last 60 ids lose their pieces. They are sampled all the same, and write nothing.
copy llama-tied spare
edit "$scratch/spare" tokenizer.json '
m = d["model"]; keep = len(m["vocab"]) - 60
m["vocab"] = {t: i for t, i in m["vocab"].items() if i < keep}
whole = lambda merge: "".join(merge) if isinstance(merge, list) else merge.replace(" ", "")
m["merges"] = [x for x in m["merges"] if whole(x) in m["vocab"]]'
expect 0 "$LMOPT" compile --quiet "$scratch/spare" -o "$scratch/spare.so"
expect 0 "$LMOPT" compile --quiet "$fixtures/llama-tied" -o "$scratch/whole.so"
spare=0
for seed in 1 2 3 4 5 6; do
  expect 0 "$LMOPT" run "$scratch/spare.so" -p "Hello" -n 24 --temp 2 --seed "$seed" --format json
  spare=$((spare + $(python3 -c 'import json, sys; print(sum(t >= 241 for t in json.loads(sys.argv[1])["tokens"]))' "$out")))
  expect 0 "$LMOPT" run "$scratch/spare.so" -p "Hello" -n 24 --temp 2 --seed "$seed"
done
[ "$spare" -gt 0 ] || fail "no id without a piece was drawn: the test does not test"
seq 80 >"$scratch/text.txt"
expect 0 "$LMOPT" eval "$scratch/spare.so" --text "$scratch/text.txt" --ctx 32 --format json
expect 0 "$LMOPT" tokenize "$scratch/spare.so" --text "Hello"

# Tokens without rows: refused by name, whoever names them.
copy llama-tied more
edit "$scratch/more" tokenizer_config.json 'd["additional_special_tokens"] = ["<new>"]'
refuse 4 "tokenizer.json: token '<new>' has the id 301, but the embedding has only 301 rows" \
  "$LMOPT" import "$scratch/more" -o "$scratch/imported"

# Where a text ends: config.json where there is no generation_config.json, which otherwise wins.
expect 0 "$LMOPT" run "$scratch/whole.so" -p "Hello" -n 12 --format json
third=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["tokens"][2])' "$out")
copy llama-tied ends
edit "$scratch/ends" config.json "d['eos_token_id'] = [0, $third]"
expect 0 "$LMOPT" compile --quiet "$scratch/ends" -o "$scratch/ends.so"
expect 0 "$LMOPT" run "$scratch/ends.so" -p "Hello" -n 12 --format json
json "len(r['tokens']) <= 2"
edit "$scratch/ends" generation_config.json "d['eos_token_id'] = 0"
expect 0 "$LMOPT" compile --quiet "$scratch/ends" -o "$scratch/ends.so"
expect 0 "$LMOPT" run "$scratch/ends.so" -p "Hello" -n 12 --format json
json "len(r['tokens']) > 2"

# Which end of a long text goes, and whether capitals count.
copy bert-mean left
edit "$scratch/left" tokenizer_config.json 'd["truncation_side"] = "left"'
expect 0 "$LMOPT" compile --quiet "$scratch/left" -o "$scratch/left.so"
expect 0 "$LMOPT" compile --quiet "$fixtures/bert-mean" -o "$scratch/right.so"
long="a b $(printf 'cat %.0s' $(seq 200))y z"
tokens() { python3 -c 'import json, sys; t = json.loads(sys.argv[1])["tokens"]; print(len(t), *t[:3], *t[-3:])' "$1"; }
expect 0 "$LMOPT" tokenize "$scratch/left.so" --text "$long"
left=$(tokens "$out")
expect 0 "$LMOPT" tokenize "$scratch/right.so" --text "$long"
right=$(tokens "$out")
[ "${left%% *}" = "${right%% *}" ] || fail "the sides keep different lengths: $left, $right"
[ "$left" != "$right" ] || fail "truncation_side has no effect: $left"
expect 0 "$LMOPT" tokenize "$scratch/left.so" --text "y z"
ends=$(python3 -c 'import json, sys; print(*json.loads(sys.argv[1])["tokens"][-3:])' "$out")
[ "${left#* * * * }" = "$ends" ] || fail "the text does not end as it should: $left against $ends"
copy bert-mean cased
edit "$scratch/cased" tokenizer_config.json 'd["do_lower_case"] = False'
expect 0 "$LMOPT" compile --quiet "$scratch/cased" -o "$scratch/cased.so"
expect 0 "$LMOPT" tokenize "$scratch/cased.so" --text "CAT"
cased=$out
expect 0 "$LMOPT" tokenize "$scratch/cased.so" --text "cat"
[ "$out" != "$cased" ] || fail "do_lower_case has no effect: $out"

# A field that nobody knows.
edit "$scratch/cased" tokenizer_config.json 'd["unheard_of"] = 1'
refuse 4 "tokenizer_config.json: field 'unheard_of': not known" "$LMOPT" import "$scratch/cased" -o "$scratch/imported"

# An expression that the runtime has no code for: PCRE2 runs it, and only such a model needs the library.
expect 0 "$LMOPT" inspect "$scratch/whole.so"
says 'split_engine +built in'
copy llama-tied pattern
edit "$scratch/pattern" tokenizer_config.json 'd["tokenizer_class"] = "PreTrainedTokenizerFast"'
pattern() {
  edit "$scratch/pattern" tokenizer.json "
split = {'type': 'Split', 'pattern': {'Regex': r'$1'}, 'behavior': 'Isolated', 'invert': False}
level = {'type': 'ByteLevel', 'add_prefix_space': False, 'use_regex': False}
d['pre_tokenizer'] = {'type': 'Sequence', 'pretokenizers': [split, level]}"
}
pattern '\p{L}+|.'
expect 0 "$LMOPT" compile --quiet "$scratch/pattern" -o "$scratch/pattern.so"
expect 0 "$LMOPT" tokenize "$scratch/pattern.so" --text "ab cd"
expect 0 "$LMOPT" inspect "$scratch/pattern.so"
says 'split_engine +PCRE2'
export LMOPT_LIBPCRE2=/nowhere/libpcre2-8.so.0
refuse 5 'needs the library PCRE2 \(libpcre2-8.so.0\), which was not found: /nowhere.*Debian: libpcre2-8-0' \
  "$LMOPT" tokenize "$scratch/pattern.so" --text "ab"
refuse 5 'needs the library PCRE2' "$LMOPT" compile --quiet "$scratch/pattern" -o "$scratch/other.so"
expect 0 "$LMOPT" inspect "$scratch/pattern.so"
expect 0 "$LMOPT" tokenize "$scratch/whole.so" --text "ab"
unset LMOPT_LIBPCRE2
pattern '(?:a+)+b'
expect 0 "$LMOPT" compile --quiet "$scratch/pattern" -o "$scratch/pattern.so"
refuse 5 "the expression '\(\?:a\+\)\+b' takes more than 64 steps a byte on this text of 500 bytes" \
  "$LMOPT" tokenize "$scratch/pattern.so" --text "$(printf 'a%.0s' {1..500})"
pattern 'a++'
refuse 4 "Split with the expression 'a\+\+': the repeat \+\+ is not supported" \
  "$LMOPT" import "$scratch/pattern" -o "$scratch/imported"

# SentencePiece's own file, where there is no tokenizer.json.
copy llama-tied pieces
rm "$scratch/pieces/tokenizer.json"
cp "$SOURCE/test/fuzz/corpus/fuzz-tokenizer-model/bpe" "$scratch/pieces/tokenizer.model"
rm -f "$scratch/pieces/tokenizer_config.json" "$scratch/pieces/special_tokens_map.json"
expect 0 "$LMOPT" compile --quiet "$scratch/pieces" -o "$scratch/pieces.so"
expect 0 "$LMOPT" tokenize "$scratch/pieces.so" --text "ab a"
json "r['tokens'] == [1, 6, 7]"
edit "$scratch/pieces" tokenizer_config.json 'd["tokenizer_class"] = "T5Tokenizer"'
refuse 4 "tokenizer_class 'T5Tokenizer' with tokenizer.model is not supported" \
  "$LMOPT" import "$scratch/pieces" -o "$scratch/imported"
finish
