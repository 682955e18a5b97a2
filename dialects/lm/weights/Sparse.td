// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights with zeros: which numbers of a matrix become zero, and int8 matrices that are stored without them. The end of
// Weights.td, which includes this file.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_SPARSE_TD
#define LMOPT_DIALECTS_LM_WEIGHTS_SPARSE_TD

def LM_SparsifyAttr : LM_Weight<"Sparsify", "sparsify", "Rounded"> {
  let summary = "W with a share of its numbers, or of its blocks, set to zero";
  let description = [{
    `#lm.sparsify<W, ratio = 0.5>`: the numbers of the least magnitudes of the whole matrix, of equal ones the first.

    `#lm.sparsify<W, ratio = 0.5, block = 16x4>`: whole blocks of 16 outputs x 4 inputs (those at the end are smaller), by the sum of
    the squares of their numbers.

    `#lm.sparsify<W, ratio = 0.5, group = 4>`: so many of each 4 neighbours of a row.

    round(ratio * count) of them, half away from zero. With `fit` the numbers that stay make up for those that go (optimal brain
    surgeon; SparseGPT). With M + d I = A D Aᵀ of `#lm.fit` and columns in their own order, column k of a row w becomes

        v[k] = 0, or t[k] = w[k] + sum over j < k of (w[j] - v[j]) A[j, k]

    and a zero there costs D[k] t[k]². The choice is made for each run of 128 columns, or a little more so that it is whole blocks,
    when its turn comes, over all rows: those go that cost least, given what the columns before the run have become. A block costs
    the sum of its zeros, each with what those before it in the block have left. Rows that share blocks (R > 1) share their zeros, so
    that what stays of them is solved for at the end, by least squares, K the inputs that they keep:

        v[K] = w[K] + w[R] M[R, K] (M[K, K] + d I)^-1

    From techniques 7.4, 7.5; Frantar and Alistarh 2023.

    Constraints:
    - C1: the source is an f32 matrix.
    - C2: the ratio is above 0 and below 1.
    - C3: both sizes of a block are from 1 to 65536.
    - C4: a group is of 2 to 256 inputs, divides the number of columns, and its ratio is a whole number of them, at least one.
    - C5: a group has blocks of one number.
    - C6: `fit` scales as many columns and rotates blocks that divide them.
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_Real:$ratio, "int64_t":$blockRows, "int64_t":$blockColumns,
                        "int64_t":$group, OptionalParameter<"::lmopt::lm::FitAttr">:$fit);
  let assemblyFormat = [{
    `<` $source `,` `ratio` `=` $ratio `` custom<BlockGroupFit>($blockRows, $blockColumns, $group, $fit) `>`
  }];
}

def LM_StoreSparseAttr : LM_Weight<"StoreSparse", "store_sparse", "Moved"> {
  let summary = "an int8 matrix, stored without the blocks that are zero";
  let description = [{
    `#lm.store_sparse<W, block = 16x4>`: the same codes and scales. The result is an `!lm.sparse_int8` weight.

    Constraints:
    - C1: the source is an int8 matrix that stores all of its codes.
    - C2: both sizes of a block are from 1 to 65536.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$blockRows, "int64_t":$blockColumns);
  let assemblyFormat = "`<` $source `,` `block` `=` custom<Block>($blockRows, $blockColumns) `>`";
}

#endif // LMOPT_DIALECTS_LM_WEIGHTS_SPARSE_TD
