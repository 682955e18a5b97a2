// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tree of words (#cpu.word_tree). In: the attribute alone. Out: the tables of WordTree.h. Tested by
// test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/ranking/WordTree.h"

using namespace mlir;

namespace lmopt::cpu {

/// Of each word, then of each node: 2 * the node that it is a side of + the side. The root has none.
static std::vector<int64_t> parentsOf(lm::WordTreeAttr tree) {
  std::vector<int64_t> parents(static_cast<size_t>(tree.getWords() + tree.getNodes()), -1);
  for (int64_t node = 0; node < tree.getNodes(); ++node) {
    parents[static_cast<size_t>(tree.getLeft()[node])] = 2 * node;
    parents[static_cast<size_t>(tree.getRight()[node])] = 2 * node + 1;
  }
  return parents;
}

static std::vector<int64_t> depthsOf(lm::WordTreeAttr tree) {
  std::vector<int64_t> depths(static_cast<size_t>(tree.getWords() + tree.getNodes()));
  for (int64_t node = 0; node < tree.getNodes(); ++node)
    for (int64_t side : {tree.getLeft()[node], tree.getRight()[node]})
      depths[static_cast<size_t>(side)] = depths[static_cast<size_t>(tree.getWords() + node)] + 1;
  return depths;
}

TreeTables treeTables(lm::WordTreeAttr tree) {
  TreeTables tables{tree.getNodes(), 0};
  std::vector<int64_t> depths = depthsOf(tree);
  for (int64_t word = 0; word < tree.getWords(); ++word)
    tables.steps += depths[static_cast<size_t>(word)];
  return tables;
}

int64_t WordTreeAttr::getBytes() const { return treeTables(getTree()).bytes(); }

std::string WordTreeAttr::describe() const { return "i32 sides of nodes and ways to words"; }

void WordTreeAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const { packWordTree(getTree(), out); }

void packWordTree(lm::WordTreeAttr tree, std::vector<char> &out) {
  TreeTables tables = treeTables(tree);
  auto list = [&](int64_t offset) { return reinterpret_cast<int32_t *>(out.data() + offset); };
  llvm::copy(tree.getLeft(), list(0));
  llvm::copy(tree.getRight(), list(tables.rightOffset()));
  std::vector<int64_t> parents = parentsOf(tree), depths = depthsOf(tree);
  int32_t *begins = list(tables.beginOffset()), *steps = list(tables.stepOffset());
  for (int64_t word = 0; word < tree.getWords(); ++word) {
    begins[word + 1] = begins[word] + static_cast<int32_t>(depths[static_cast<size_t>(word)]);
    int32_t *at = steps + begins[word + 1];
    for (int64_t parent = parents[static_cast<size_t>(word)]; parent >= 0;
         parent = parents[static_cast<size_t>(tree.getWords() + parent / 2)])
      *--at = static_cast<int32_t>(parent);
  }
}

} // namespace lmopt::cpu
