# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `lmopt compress` and `lmopt sensitivity` as a user meets them: a budget that is kept, one that is missed, what is left
# behind, that interrupted work goes on, and mistakes.
. "$(dirname "$0")/harness.sh"
decoder=$SOURCE/test/models/llama-tied
encoder=$SOURCE/test/models/bert-mean
text=$scratch/text.txt
for i in $(seq 120); do echo "Line $i: the compiler reads a model and writes a library, number $((i * i))."; done >"$text"
common=(--text "$text" -c 64 --judge-tokens 512 --layers 'layers.1.ffn.*' --layers head)

# What would be done.
expect 0 "$LMOPT" compress "$decoder" "${common[@]}" --budget kl=0.05 -o "$scratch/m.so" --dry-run
says 'units  layers.1.ffn  head'
says 'models to compile and judge: [0-9]+'
[ ! -e "$scratch/m.so.partial" ] || fail "a dry run leaves something behind"

# A budget that is kept: artifact and report. The check is on a text of its own.
sed 's/library/book/; s/number/page/' "$text" >"$scratch/check.txt"
common+=(--check "$scratch/check.txt")
work=$scratch/work
expect 0 "$LMOPT" compress "$decoder" "${common[@]}" --budget kl=0.05 -o "$scratch/m.so" --report "$scratch/report" --work "$work"
says 'quality  KL [0-9.e-]+ \(at most 0.05\), on text that took no part'
[ "$(ls "$scratch/report")" = "$(printf 'recipe.json\nreport.html\nreport.json')" ] || fail "the report holds $(ls "$scratch/report")"
python3 - "$scratch/report/report.json" <<'P' || fail "report.json is not what was asked for"
import json, sys
r = json.load(open(sys.argv[1]))
assert r["budget"]["kept"] and r["quality"]["check"]["kl"] <= 0.05 and r["after"]["bytes"] < 0.7 * r["before"]["bytes"]
assert [u["name"] for u in r["units"]] == ["layers.1.ffn", "head"] and sum(p["chosen"] for p in r["points"]) == 1
assert r["points"][0]["name"] == "f32" and r["points"][0]["loss"] == 0 and r["choice"]["least_cost"] <= r["choice"]["cost"]
P
# Its recipe makes such a model again; statistics of all of the text move it a little.
expect 0 "$LMOPT" compile "$decoder" --recipe f32 -o "$scratch/f32.so"
grep -q '"stats"' "$scratch/report/recipe.json" && fail "the recipe names a file that is gone"
if grep -q lm-prune "$scratch/report/recipe.json"; then calibrate=(--calibrate "$text"); else calibrate=(); fi
expect 0 "$LMOPT" compile "$decoder" --recipe "$scratch/report/recipe.json" "${calibrate[@]}" -o "$scratch/again.so"
expect 0 "$LMOPT" eval "$scratch/again.so" --text "$scratch/check.txt" --ctx 64 --reference "$scratch/f32.so" --format json
json '1e-4 < r["kl"] < 0.06'

# A budget that nothing but f32 keeps: f32. What was measured is not measured again.
cp "$work/table.json" "$scratch/table.json"
expect 0 "$LMOPT" compress "$decoder" "${common[@]}" --budget kl=1e-9 -o "$scratch/tiny.so" --work "$work"
says 'weights .*\(1.00 x\)'
cmp -s "$work/table.json" "$scratch/table.json" || fail "figures that were known were measured again"

# A choice that the last text does not bear out: exit code 6, no artifact, and what was measured stays.
python3 - "$work/table.json" <<'P'
import json, sys
t = json.load(open(sys.argv[1]))
for v in t["values"].values():
    v["quality"]["kl"] = 0.0  # as if the text of the choice could not tell
json.dump(t, open(sys.argv[1], "w"))
P
refuse 6 'the budget is missed on text that took no part' "$LMOPT" compress "$decoder" "${common[@]}" --budget kl=1e-7 \
  -o "$scratch/missed.so" --work "$work" --report "$scratch/missed"
[ ! -e "$scratch/missed.so" ] || fail "a budget was missed, and there is an artifact"
[ -e "$work/table.json" ] || fail "what was measured is gone"
grep -q '"kept": false' "$scratch/missed/report.json" || fail "the report does not say that the budget is missed"

# Sensitivity of an encoder; then a budget of it, from the same folder, which is removed when nobody asked for it.
short=(--text "$text" --judge-tokens 256 --layers 'layers.0.attn.*')
expect 0 "$LMOPT" sensitivity "$encoder" "${short[@]}" --format json --work "$scratch/e.so.partial"
json 'r[0]["name"] == "layers.0.attn" and r[0]["loss"]["f32"] == 0 and 0 < r[0]["loss"]["int8"] < 0.1'
expect 0 "$LMOPT" sensitivity "$encoder" "${short[@]}" --work "$scratch/e.so.partial"
says '^layers.0.attn'
says 'int8 +loss [0-9.e-]+'
expect 0 "$LMOPT" compress "$encoder" "${short[@]}" --budget cosine=0.9 -o "$scratch/e.so"
says 'mean cosine [0-9.]+ \(at least 0.9\)'
[ ! -e "$scratch/e.so.partial" ] || fail "finished work is left behind"

# Mistakes, before any work.
bad=$scratch/bad.so
refuse 2 'expected kl=0.02 or ppl=1%' "$LMOPT" compress "$decoder" "${common[@]}" --budget kl=-1 -o "$bad"
refuse 2 'expected kl=0.02 or ppl=1%' "$LMOPT" compress "$decoder" "${common[@]}" --budget size=3 -o "$bad"
refuse 2 'is a decoder, whose loss is told by kl or ppl' "$LMOPT" compress "$decoder" "${common[@]}" --budget cosine=0.9 -o "$bad"
refuse 2 'is an encoder, whose loss is told by cosine' "$LMOPT" compress "$encoder" --text "$text" --budget kl=0.1 -o "$bad"
refuse 2 '--budget.*required' "$LMOPT" compress "$decoder" --text "$text" -o "$bad"
refuse 2 "pattern 'layer.9' matches none" "$LMOPT" compress "$decoder" --text "$text" -c 64 --layers layer.9 --budget kl=1 -o "$bad"
head -c 300 "$text" >"$scratch/short.txt"
refuse 2 'takes 8 at least' "$LMOPT" compress "$decoder" --text "$scratch/short.txt" -c 64 --budget kl=1 -o "$bad"
refuse 2 'is a source' "$LMOPT" compress "$decoder" --text "$text" -c 64 --budget kl=1 -o "$text"
mkdir "$bad.partial" && : >"$bad.partial/thesis.tex"
refuse 2 'thesis.tex' "$LMOPT" compress "$decoder" --text "$text" -c 64 --budget kl=1 -o "$bad"
[ -e "$bad.partial/thesis.tex" ] || fail "somebody's file is gone"
finish
