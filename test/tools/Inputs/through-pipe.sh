# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# lmopt-opt writes into a named pipe, which stays one. In: module (in the form that is printed), folder.
mkfifo "$2/pipe"
cat "$2/pipe" >"$2/from-pipe.mlir" &
lmopt-opt "$1" -o "$2/pipe"
wait
cmp "$2/from-pipe.mlir" "$1" && [ -p "$2/pipe" ]
