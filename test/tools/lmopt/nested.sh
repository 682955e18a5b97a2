# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Modules that are meant to hurt (test/tools/Inputs/hostile_modules.py): every command that reads a module ends with an
# exit code and a message, in bounded time and memory; none crashes.
. "$(dirname "$0")/harness.sh"
tools=$(dirname "$LMOPT")
mkdir "$scratch/in"
mkfifo "$scratch/in/pipe"
python3 "$SOURCE/test/tools/Inputs/hostile_modules.py" "$scratch/in" >"$scratch/list" || fail "no modules"
ulimit -v 4000000 # a module of a few megabytes has no business beyond

# ends COMMAND...: it ends by itself, with a code that is not a fault of ours (1 is what tools say of a bad module).
ends() {
  local got=0
  checks=$((checks + 1))
  timeout 60 "$@" >/dev/null 2>"$scratch/.err" </dev/null || got=$?
  [ "$got" -lt 124 ] || fail "\`$*\` ended with $got: $(tail -c 300 "$scratch/.err")"
  case "$1 $got" in
  "$LMOPT 1") fail "\`$*\` calls it an internal fault: $(tail -c 300 "$scratch/.err")" ;;
  esac
}

while read -r name codes; do
  file=$scratch/in/$name.mlir
  got=0
  checks=$((checks + 1))
  timeout 60 "$LMOPT" import --quiet "$file" -o "$scratch/out" >"$scratch/.out" 2>"$scratch/.err" </dev/null || got=$?
  [[ ",$codes," == *",$got,"* ]] || fail "import of $name ends with $got, expected $codes: $(tail -c 300 "$scratch/.err")"
  if [ "$got" -ne 0 ]; then
    [ "$(grep -c '^lmopt: error: ' "$scratch/.err")" -eq 1 ] || fail "import of $name: $(tail -c 300 "$scratch/.err")"
    [ "$(wc -c <"$scratch/.err")" -lt 4000 ] || fail "import of $name fills the screen"
  fi
  if [ "$codes" = 3 ]; then
    expect 3 timeout 60 "$LMOPT" inspect "$file"
  else
    ends "$LMOPT" inspect "$file" --format json
    ends "$LMOPT" compile "$file" -o "$scratch/m.so"
  fi
  ends "$tools/lmopt-opt" "$file" --canonicalize -o "$scratch/opt.mlir"
done <"$scratch/list"
ends "$tools/lmopt-reduce" "$scratch/in/modules.mlir" --test=/bin/true -o "$scratch/opt.mlir"
ends "$tools/lmopt-reduce" "$scratch/in/alias-arrays.mlir" --test=/bin/true -o "$scratch/opt.mlir"

# The message says where, what and what to do.
refuse 3 'modules.mlir:1:2[0-9]+: found brackets or aliases nested more than 256 deep; .*import the checkpoint again' \
  "$LMOPT" inspect "$scratch/in/modules.mlir"
refuse 3 'expected one function with a body, @forward .*found neither' "$LMOPT" inspect "$scratch/in/empty.mlir"
# Bytecode, whose reader trusts its input, by its contents and not by its name.
for name in good.mlirbc bytecode.mlir; do
  expect 0 "$tools/lmopt-opt" "$scratch/in/good.mlir" --emit-bytecode -o "$scratch/in/$name"
  for command in "inspect" "import -o $scratch/out" "compile -o $scratch/m.so"; do
    # shellcheck disable=SC2086
    refuse 4 'bytecode.*lmopt-opt' "$LMOPT" $command "$scratch/in/$name"
  done
  expect 0 "$tools/lmopt-opt" "$scratch/in/$name" -o "$scratch/in/again.mlir"
  expect 0 "$LMOPT" inspect "$scratch/in/again.mlir"
done
finish
