// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the tensors of one kind of file are called, as data: the parts of a model (CONTRIBUTING.md, "Names") and their
// names there. In: lm.param @layers.3.attn.q.weight. Out: blk.3.attn_q.weight.
// Tested by test/unit/frontends/families/*Test.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_TENSORNAMES_H
#define LMOPT_FRONTENDS_FAMILIES_TENSORNAMES_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lmopt {

struct TensorNames {
  /// Ours, theirs. One '*' in ours stands for any text, and for the same text in theirs: experts are numbered.
  using Pairs = std::vector<std::pair<const char *, const char *>>;

  Pairs whole;                    // outside of the layers: "embed" is "token_embd"
  const char *layers = "layers."; // what stands for "layers.": "blk."
  Pairs parts;                    // inside of a layer: "attn.q" is "attn_q"

  /// What no pair names keeps its name.
  std::string translate(std::string_view name) const;
};

/// Whether a name fits one of the patterns; one '*' in a pattern stands for anything.
bool fitsAny(const std::vector<const char *> &patterns, std::string_view name);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_TENSORNAMES_H
