# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the tests of the command line share: they run lmopt as a user does and look at exit code, stdout and stderr.
# Sourced by the other files. In: $LMOPT (program), $SOURCE (repository). Out: exit 1 when any check failed.
set -u
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
failures=0
checks=0
input=/dev/null

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1" >&2
}

# expect CODE COMMAND...: runs the command; $out and $err hold what it wrote.
expect() {
  local code=$1 got=0
  shift
  checks=$((checks + 1))
  command_line="$*"
  "$@" >"$scratch/.out" 2>"$scratch/.err" <"$input" || got=$?
  out=$(cat "$scratch/.out")
  err=$(cat "$scratch/.err")
  [ "$got" -eq "$code" ] || fail "\`$command_line\` ended with $got, expected $code; stderr: $err"
}

# from FILE CHECK...: the check with the file as standard input.
from() {
  input=$1
  shift
  "$@"
  input=/dev/null
}

# refuse CODE REGEX COMMAND...: the command must fail with this code, one message that matches, and nothing on stdout.
refuse() {
  local code=$1 regex=$2
  shift 2
  expect "$code" "$@"
  [ "$(grep -c '^lmopt: error: ' <<<"$err")" -eq 1 ] || fail "\`$command_line\` should say one error: $err"
  grep -Eq -- "$regex" <<<"$err" || fail "\`$command_line\` should say '$regex': $err"
  [ -z "$out" ] || fail "\`$command_line\` wrote to stdout: $out"
}

# says REGEX: the last command's stdout matches.
says() {
  grep -Eq -- "$1" <<<"$out" || fail "\`$command_line\` should print '$1': $out"
}

# tells REGEX: the last command's stderr matches.
tells() {
  grep -Eq -- "$1" <<<"$err" || fail "\`$command_line\` should tell '$1': $err"
}

# json EXPRESSION: true for the object `r` that the last command printed.
json() {
  python3 -c 'import json, sys; r = json.loads(sys.argv[1]); sys.exit(not eval(sys.argv[2]))' "$out" "$1" ||
    fail "\`$command_line\` should hold $1: $out"
}

finish() {
  echo "$checks commands, $failures failures"
  [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
  exit
}
