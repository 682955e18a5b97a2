// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The head of a decoder, cheaper. In: a decoder. Out: the same, which also gives its greatest logits alone (exact), or
// whose logits are those of a softmax of two levels, by a tree or of a lower rank (approximate). From techniques 5.2 to
// 5.5, 15.6. Tested by
// test/passes/factorize-softmax.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_TD
#define LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_TD

include "mlir/Pass/PassBase.td"

def LmFactorizeSoftmaxPass : Pass<"lm-factorize-softmax", "::mlir::ModuleOp"> {
  let summary = "find the likeliest tokens of a decoder without all of its logits";
  let description = [{
    `method=certified`: a decoder gives its greatest logits as a second result. Its head is multiplied in 8 bits first; an
    error bound tells which rows may be among the greatest, and only these are multiplied with the weights as they are.
    The artifact has a third entry for that, which greedy and top-k sampling use; whoever wants all logits gets them as before.

    ```mlir
    %y = lm.linear %x, @head
    return %y, %cache
    // after, with count=64
    %y = lm.linear %x, @head
    %r = lm.rotate %x {block = 64}
    %c = lm.quantize_dynamic %r
    %p = lm.quantized_linear %c, @head.preview
    %t = lm.top_linear %x, @head preview %p of %r, %c, @head.preview {count = 64, block = 64}
    return %y, %t {lm.result = "top_logits"}, %cache
    ```

    Exact: the greatest logits are those of the whole product, bit for bit, and so are the tokens that are chosen.
    A step reads a byte for each number of the head instead of four (f32) or two (bf16), so it must come behind the passes
    that choose the format of the weights, and a head in 8 bits or less is refused: it has nothing to gain.
    A module that has such a result already stays as it is. Remark: `CertifiedHead`.

    `method=classes`: words are put into classes, and p(word) becomes p(class) p(word | class). The second is exact, from
    the same rows of the head; the first comes from a small head of a score for each class, fitted to rows of the
    statistics (`lmopt calibrate`), and is all that is approximate: the KL of words is that of classes.

    ```mlir
    // after, with classes=220
    %z = lm.linear %x, @head                          // #lm.reorder_rows: class after class
    %s = lm.linear %x, @head.classes bias @head.classes.bias
    %y = lm.class_logits %z, %s {classes = <words = [...], sizes = [...]>}
    ```

    `by=direction`: balanced spherical k-means of the rows of the head; `by=frequency`: classes of equal mass of the
    square roots of how often words come (their mean probability over the rows of the statistics). A table that embeddings
    read, too, stays in its order beside the head's. Above `limit` the pass ends with an error. Remark: `ClassSoftmax`, with
    the KL of the rows of the fit and of each eighth row, which takes no part in it.
    This method comes before the passes that choose formats; `method=certified` behind them then adds the greatest logits of
    such a head, too, in f32, bf16, 8 bits or groups: best first over the classes, since no word is likelier than its
    class (`lm.top_class_linear`; exactly the greatest of `lm.class_logits`). Remark: `BestFirstClasses`. Without it nothing is gained.

    `method=adaptive`: an adaptive softmax. The most frequent words (over the rows of the statistics) have scores of their own,
    their logits as they were; the others are in `clusters`, of which each has a score beside them, fitted as those of classes
    are. Rows of a cluster are the head's own; `lm-low-rank` with the head's name may factor them. Where clusters begin: `cuts`, or those of
    least expected cost, by dynamic programming over what a product of so many rows costs: `call` rows for itself, then its
    rows, at least `flat` (`bench-kernels --benchmark_filter=head_cost` measures both; the defaults are those of f32 on one Zen 3
    core). For a token at a time; a batch opens more clusters than the cost says.

    ```mlir
    // after, with cuts=3000,12000
    %z = lm.linear %x, @head                          // the rows of both clusters
    %s = lm.linear %x, @head.classes bias @head.classes.bias   // 3000 words, two clusters
    %y = lm.class_logits %z, %s {classes = <words = [...], sizes = [1, 1, ..., 9000, 37152]>}
    ```

    `limit`, the place before the formats, and `method=certified` behind them as with classes. Remark: `AdaptiveSoftmax`, with the cuts, their
    expected share of the whole product's cost, and the KL of both kinds of rows.

    `method=tree`: a decision at each node of a binary tree, log p(word) the sum of those on the way to it (hierarchical softmax). Each
    node has a row of the head of its own, fitted by ridge regression to the logarithm of what is on its left over what is on its
    right. `by=direction`: halves of equal mass along the axis in which the rows of the head differ most; `by=frequency`:
    Huffman's tree. All logits cost what they did, so it is for those who score words that they know: `method=scores`,
    behind the passes that choose formats, adds a function @score for that, and the artifact has an entry for it
    (`lmopt_session_score`), which `lmopt eval` takes. `limit` and the place before the formats as with classes. Remarks: `TreeSoftmax`, with the mean length of
    ways and both KL; `ScoreFunction`.

    ```mlir
    // after
    %s = lm.linear %x, @head.nodes bias @head.nodes.bias
    %y = lm.tree_logits %s {tree = <left = [...], right = [...]>}
    // in @score, after method=scores
    %y = lm.tree_score %x, @head.nodes bias @head.nodes.bias of %targets {tree = <left = [...], right = [...]>}
    ```

    `method=preview`: SVD-softmax. A product of `rank` gives previews of all logits; the `rescored` words with the greatest are
    computed anew with the head's rows, the others keep their previews. With `stats` the rank is what loses least of the logits
    over that text (whitened, as in `lm-low-rank`), without them what loses least of the weights. A head in f32 or bf16; the two linears of the
    preview (`NAME.preview.inner`, `NAME.preview`) are there for the passes that choose formats. Remark: `PreviewHead`.

    ```mlir
    // after, with rank=288 rescored=1024
    %i = lm.linear %x, @head.preview.inner
    %p = lm.linear %i, @head.preview bias @head.preview.bias
    %y = lm.preview_linear %x, @head preview %p {count = 1024}
    ```
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"method", "method", "std::string", /*default=*/"\"certified\"", "How: certified, preview, classes, adaptive, tree or scores">,
    Option<"count", "count", "int64_t", /*default=*/"64", "certified: greatest logits that can be asked for, 1 to the vocabulary">,
    Option<"rank", "rank", "int64_t", /*default=*/"0", "preview: the rank; 0: half the width">,
    Option<"rescored", "rescored", "int64_t", /*default=*/"256", "preview: how many words are computed anew, 1 to the vocabulary">,
    Option<"stats", "stats", "std::string", /*default=*/"", "preview, classes, adaptive, tree: statistics of this model, from `lmopt calibrate`">,
    Option<"classes", "classes", "int64_t", /*default=*/"0", "classes: how many; 0: the root of the vocabulary">,
    Option<"by", "by", "std::string", /*default=*/"\"direction\"", "classes, tree: which words go together: direction or frequency">,
    ListOption<"cuts", "cuts", "int64_t", "adaptive: words before each cluster, ascending; default: what costs least">,
    Option<"clusters", "clusters", "int64_t", /*default=*/"0", "adaptive: how many; 0: one to four, what costs least">,
    Option<"call", "call", "double", /*default=*/"0", "adaptive: what a product costs beside its rows, in rows">,
    Option<"flat", "flat", "double", /*default=*/"0", "adaptive: fewer rows than that cost as many">,
    Option<"limit", "limit", "double", /*default=*/"0.1", "classes, adaptive, tree: the greatest KL in nats that is taken">,
    Option<"base", "base", "std::string", /*default=*/"", "Folder for relative file names of weights; default: that of the module">
  ];
}

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_TD
