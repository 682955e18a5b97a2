# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A recipe pass by pass, each through a file of text, is the recipe in one go: the same text, the same artifact, the same
# names in every report. Every shipped recipe, and a fixture of each kind.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models
opt=$(dirname "$LMOPT")/lmopt-opt

# passes ARTIFACT: the passes of its recipe, as lmopt-opt spells them, one a line.
passes() {
  "$LMOPT" inspect "$1" --format json | python3 -c '
import json, sys
for step in json.load(sys.stdin)["manifest"]["recipe"]["passes"]:
    options = " ".join(f"{key}={value}" for key, value in step.get("options", {}).items())
    print(step["pass"] + ("{" + options + "}" if options else ""))'
}

# without_recipe ARTIFACT: what inspect says, but for the recipe and the name and size of the file.
without_recipe() {
  "$LMOPT" inspect "$1" --format json | python3 -c '
import json, sys
facts = json.load(sys.stdin)
del facts["manifest"]["recipe"], facts["file"], facts["file_bytes"]
facts["metadata"] = [blob for blob in facts["metadata"] if blob["name"] != "manifest"]
print(json.dumps(facts, indent=1))'
}

# compare SOURCE RECIPE
compare() {
  local at=$scratch/work pass step=0
  rm -rf "$at"
  mkdir "$at"
  expect 0 "$LMOPT" compile --quiet "$1" --recipe "$2" -o "$at/direct.so"
  expect 0 "$LMOPT" compile --quiet "$1" --recipe "$2" --stop-after optimize -o "$at/whole"
  expect 0 "$LMOPT" import --quiet "$1" -o "$at/pieces"
  cp "$at/pieces/model.mlir" "$at/step.mlir"
  while read -r pass; do
    step=$((step + 1))
    expect 0 "$opt" "$at/step.mlir" "--pass-pipeline=builtin.module($pass)" -o "$at/step.mlir"
    # The generic form and bytecode carry the same.
    if [ $((step % 2)) -eq 0 ]; then
      expect 0 "$opt" "$at/step.mlir" --mlir-print-op-generic -o "$at/generic.mlir"
      expect 0 "$opt" "$at/generic.mlir" --emit-bytecode -o "$at/step.bc"
      expect 0 "$opt" "$at/step.bc" -o "$at/again.mlir"
      cmp -s "$at/again.mlir" "$at/step.mlir" || fail "$1: after $pass the generic form is another module"
    fi
  done < <(passes "$at/direct.so")
  [ "$step" -gt 3 ] || fail "$1: the recipe $2 has $step passes"
  cp "$at/step.mlir" "$at/pieces/model.mlir"
  diff "$at/whole/model.mlir" "$at/pieces/model.mlir" >"$at/diff" || fail "$1, $2: pieces differ: $(head -5 "$at/diff")"
  grep -q 'lm.part = "layers.0.' "$at/step.mlir" || fail "$1, $2: the names are lost"
  expect 0 "$LMOPT" compile --quiet "$at/whole" --passes '' -o "$at/whole.so"
  expect 0 "$LMOPT" compile --quiet "$at/pieces" --passes '' -o "$at/pieces.so"
  cmp -s "$at/whole.so" "$at/pieces.so" || fail "$1, $2: whole and pieces give other artifacts"
  without_recipe "$at/direct.so" >"$at/direct.json"
  without_recipe "$at/pieces.so" >"$at/pieces.json"
  diff "$at/direct.json" "$at/pieces.json" >"$at/diff" || fail "$1, $2: inspect tells something else: $(head -5 "$at/diff")"
  grep -q '"name": "layers.0.' "$at/pieces.json" || fail "$1, $2: inspect has no names"
}

for recipe in f32 int8 bf16 int4; do
  compare "$fixtures/llama-gqa-9-3" "$recipe"
done
compare "$fixtures/bert-mean" int8
compare "$fixtures/bert-mean" int4
compare "$fixtures/gguf-q4_1/model.gguf" native
compare "$fixtures/gguf-q8_0/model.gguf" native

# The example that failed: two steps of hand.
expect 0 "$LMOPT" import --quiet "$fixtures/llama-tied" -o "$scratch/imp"
expect 0 "$opt" "$scratch/imp/model.mlir" -o "$scratch/b.mlir"
expect 0 "$opt" "$scratch/b.mlir" --lm-recipe-int4 -o "$scratch/c.mlir"
grep -q 'lm.part = "layers.0.attn.q"' "$scratch/c.mlir" || fail "int4 loses names"

# Modules of earlier versions have the names in locations: they are read, and written as attributes.
sed -E 's/ attributes \{lm\.part = ("[^"]*")\}(.*)$/\2 loc(\1)/' "$scratch/imp/model.mlir" >"$scratch/imp/old.mlir"
grep -q 'loc("layers.0.attn.q")' "$scratch/imp/old.mlir" || fail "the old form was not made"
expect 0 "$opt" "$scratch/imp/old.mlir" -o "$scratch/b-old.mlir"
cmp -s "$scratch/b-old.mlir" "$scratch/b.mlir" || fail "lmopt-opt reads the old form as something else"
expect 0 "$LMOPT" import --quiet "$scratch/imp/old.mlir" -o "$scratch/imp-old"
cmp -s "$scratch/imp-old/model.mlir" "$scratch/imp/model.mlir" || fail "import reads the old form as something else"
expect 0 "$LMOPT" compile --quiet "$scratch/imp" -o "$scratch/new.so"
expect 0 "$LMOPT" compile --quiet "$scratch/imp/old.mlir" -o "$scratch/old.so"
cmp -s "$scratch/new.so" "$scratch/old.so" || fail "the old form gives another artifact"
finish
