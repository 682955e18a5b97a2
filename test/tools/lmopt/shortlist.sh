# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# --shortlist: models with the tokens of a text. The text becomes the same tokens as before, any text keeps its bytes,
# the same tokens get the same logits and so the same choice, and eval compares by bytes what has other tokens.
. "$(dirname "$0")/harness.sh"
model=$SOURCE/test/models/llama-tied
text=$scratch/text.txt
for i in $(seq 40); do echo "Line $i: the compiler reads a model and writes a library."; done >"$text"

expect 0 "$LMOPT" compile "$model" -o "$scratch/full.so"
expect 0 "$LMOPT" compile "$model" --shortlist "$text" -o "$scratch/short.so"
tells 'short-list: [0-9]+ of 301 tokens stay, [0-9]+ of them for the text, which has [0-9]+ tokens'
kept=$(sed -n 's/.*short-list: \([0-9]*\) of.*/\1/p' <<<"$err")
expect 0 "$LMOPT" inspect "$scratch/short.so" --format json
json "r['manifest']['vocabulary'] == $kept < 301 and r['manifest']['config']['full_vocabulary'] == 301"

# Tokens: those of the text are as many as before; any text comes back.
line="Line 7: the compiler reads a model and writes a library."
expect 0 "$LMOPT" tokenize "$scratch/full.so" --text "$line"
before=$(wc -l <<<"$out")
expect 0 "$LMOPT" tokenize "$scratch/short.so" --text "$line"
[ "$(wc -l <<<"$out")" = "$before" ] || fail "the text became other tokens: $out"

# The same logits for what stays: of the same text, bits per byte differ by the mass of the tokens that are gone alone.
expect 0 "$LMOPT" eval "$scratch/short.so" --text "$text" --ctx 64 --reference "$scratch/full.so" --format json
json "r['kl'] is None and r['tokens'] == r['ref_tokens'] and 0 < r['lost_mass'] < 1"
json "r['bits_per_byte'] < r['ref_bits_per_byte']"
expect 0 "$LMOPT" eval "$scratch/short.so" --text "$text" --ctx 64 --reference "$scratch/full.so"
says '^bits per byte'
says '^mass on lost tokens'
expect 0 "$LMOPT" eval "$scratch/short.so" --text "$text" --ctx 64 --reference "$scratch/short.so" --format json
json "r['kl'] == 0 and r['top1'] == 1"

# An imported model is the same model; it can be compiled in any format, measured and compressed.
expect 0 "$LMOPT" import "$model" --shortlist "$text" -o "$scratch/dir"
expect 0 "$LMOPT" compile "$scratch/dir" -o "$scratch/dir.so"
expect 0 "$LMOPT" eval "$scratch/dir.so" --text "$text" --ctx 64 --reference "$scratch/short.so" --format json
json "r['kl'] == 0"
expect 0 "$LMOPT" compile "$scratch/dir" --recipe int8 --calibrate "$text" -o "$scratch/int8.so"
expect 0 "$LMOPT" run "$scratch/int8.so" -p "the compiler zebra" -n 4
# A reference without a tokenizer is fed the model's ids, where it has as many.
cp -r "$scratch/dir" "$scratch/bare"
sed -i 's/, lm.tokenizer = "tokenizer.bin"//' "$scratch/bare/model.mlir"
expect 0 "$LMOPT" compile "$scratch/bare" -o "$scratch/bare.so"
expect 0 "$LMOPT" eval "$scratch/short.so" --text "$text" --ctx 64 --reference "$scratch/bare.so" --format json
json "r['kl'] == 0"
refuse 4 "bare.so.* no tokenizer" "$LMOPT" eval "$scratch/full.so" --text "$text" --ctx 64 --reference "$scratch/bare.so"
refuse 4 "bare' has no tokenizer" "$LMOPT" compile "$scratch/bare" --shortlist "$text" -o "$scratch/none.so"
# Once more, by a text of less.
echo "a model" >"$scratch/less.txt"
expect 0 "$LMOPT" compile "$scratch/dir" --shortlist "$scratch/less.txt" -o "$scratch/less.so"
tells "short-list: [0-9]+ of $kept tokens stay"

# More than the text needs.
expect 0 "$LMOPT" compile "$model" --shortlist "$text" --shortlist-size $((kept + 5)) -o "$scratch/more.so"
tells "short-list: ($((kept + 5))|$((kept + 6))) of 301 tokens stay"

# The blocks of a GGUF file stay what they are.
expect 0 "$LMOPT" compile "$SOURCE/test/models/gguf-q8_0/model.gguf" --recipe native --shortlist "$text" -o "$scratch/native.so"
case $err in *warning*) fail "a table in f32: $err" ;; esac
expect 0 "$LMOPT" run "$scratch/native.so" -p "the compiler" -n 4

# Encoders: vectors of the same tokens are the same.
head -3 "$text" >"$scratch/lines.txt"
expect 0 "$LMOPT" compile "$SOURCE/test/models/bert-mean" -o "$scratch/e.so"
expect 0 "$LMOPT" compile "$SOURCE/test/models/bert-mean" --shortlist "$scratch/lines.txt" -o "$scratch/es.so"
tells 'short-list: '
expect 0 "$LMOPT" embed "$scratch/e.so" --file "$scratch/lines.txt"
vectors=$out
expect 0 "$LMOPT" embed "$scratch/es.so" --file "$scratch/lines.txt"
[ "$out" = "$vectors" ] || fail "other vectors of the same tokens"
expect 0 "$LMOPT" compile "$SOURCE/test/models/heads/bert-masked" --shortlist "$scratch/lines.txt" -o "$scratch/masked.so"

# Mistakes.
bad=$scratch/bad.so
refuse 5 "missing.txt" "$LMOPT" compile "$model" --shortlist "$scratch/missing.txt" -o "$bad"
: >"$scratch/empty.txt"
refuse 2 "holds no text" "$LMOPT" compile "$model" --shortlist "$scratch/empty.txt" -o "$bad"
refuse 2 "shortlist" "$LMOPT" compile "$model" --shortlist-size 280 -o "$bad"
refuse 2 "is a source" "$LMOPT" compile "$model" --shortlist "$text" -o "$text"
echo "0 1 2" >"$scratch/ids"
refuse 2 "use --shortlist TEXT, which changes both" "$LMOPT" compile "$model" --passes "lm-shorten-vocabulary{tokens=$scratch/ids}" -o "$bad"
expect 0 "$LMOPT" compile "$scratch/dir" --recipe int8 --stop-after optimize -o "$scratch/codes"
refuse 4 "lm-shorten-vocabulary: expected logits that a lm.linear makes" "$LMOPT" compile "$scratch/codes" --passes '' --shortlist "$scratch/less.txt" -o "$bad"
[ ! -e "$bad" ] || fail "a compilation that failed left its output"
finish
