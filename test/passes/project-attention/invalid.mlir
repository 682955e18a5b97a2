// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: lm-project-attention: option 'rank' is missing; expected how many keys and values are left of a text, or a file of 'weights'
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention=rank=0 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: lm-project-attention: option 'rank' must be from 1 to 65536, found 0
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention=rank=65537 2>&1 | FileCheck %s --check-prefix=MANY
// MANY: lm-project-attention: option 'rank' must be from 1 to 65536, found 65537
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='rank=3 keys=e' 2>&1 | FileCheck %s --check-prefix=KEYS
// KEYS: lm-project-attention: option 'keys' and 'values' are names in the file of 'weights', which is missing
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.none values=' 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: lm-project-attention: option 'keys' and 'values' must be names of tensors, found '*.project.k' and ''
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='rank=3 layers=layers.7.*' 2>&1 | FileCheck %s --check-prefix=PATTERN
// PATTERN: error: option 'layers': pattern 'layers.7.*' matches none of the 2 attentions of this model; the first is 'layers.0.attn'
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.none' 2>&1 | FileCheck %s --check-prefix=FILE
// FILE: lm-project-attention: option 'weights': {{.*}}none
