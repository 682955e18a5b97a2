# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A module with a chain of N named linears on one weight. In: N. Out: text on stdout.
import sys

print("lm.param @w : tensor<8x8xf32> = dense<0.5>")
print("func.func @forward(%x0: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {")
count = int(sys.argv[1])
for i in range(count):
    print(
        f'  %x{i + 1} = lm.linear %x{i}, @w attributes {{lm.part = "layers.{i}.up"}}'
        " : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>"
    )
print(f"  return %x{count} : tensor<?x?x8xf32>")
print("}")
