# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# lmopt-opt tells more on stderr than a pipe holds, to a reader that is gone. In: module, output.
{ lmopt-opt "$1" --lm-quantize-weights '--remarks-filter=.*' --mlir-print-ir-after-all -o "$2" 2>&1; echo $? >"$2.code"; } |
  head -c 1 >/dev/null
[ "$(cat "$2.code")" -ne 0 ]
