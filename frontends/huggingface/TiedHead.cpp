// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TiedHead.h. Tested by test/unit/frontends/TiedHeadTest.cpp.
#include "frontends/huggingface/TiedHead.h"

#include <algorithm>

using namespace lmopt;

/// Tables of different types are compared as the numbers they hold, a block of rows at a time.
static Result<bool> holdSameNumbers(const Checkpoint::Entry &a, const Checkpoint::Entry &b) {
  int64_t columns = a.tensor->columns(), block = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(columns, 1));
  std::vector<float> rowsA(block * columns), rowsB(block * columns);
  for (int64_t row = 0; row < a.tensor->rows(); row += block) {
    int64_t count = std::min(block, a.tensor->rows() - row);
    if (Result<void> decoded = a.file->decodeRows(*a.tensor, row, count, rowsA.data()); !decoded)
      return decoded.error();
    if (Result<void> decoded = b.file->decodeRows(*b.tensor, row, count, rowsB.data()); !decoded)
      return decoded.error();
    if (!std::equal(rowsA.begin(), rowsA.begin() + count * columns, rowsB.begin()))
      return false;
  }
  return true;
}

static Result<bool> areEqual(const Checkpoint::Entry &a, const Checkpoint::Entry &b) {
  if (a.tensor->shape != b.tensor->shape)
    return false;
  if (a.tensor->type == b.tensor->type)
    return a.tensor->data == b.tensor->data;
  return holdSameNumbers(a, b);
}

Result<HeadTables> lmopt::resolveHead(const Checkpoint &checkpoint, const std::string &embeddingName,
                                      const std::string &headName, bool &tied, Warnings &warnings) {
  HeadTables tables{embeddingName, headName};
  if (!tied)
    return tables;
  Checkpoint::Entry embedding = checkpoint.find(embeddingName), head = checkpoint.find(headName);
  if (!head)
    return tables;
  if (!embedding) {
    tables.embedding = headName;
    return tables;
  }
  Result<bool> equal = areEqual(embedding, head);
  if (!equal)
    return equal.error();
  tables.headIsCopy = tied = *equal;
  if (!*equal)
    warnings.push_back(head.file->path() + ": tie_word_embeddings is true, but " + embeddingName + " and " + headName +
                       " differ; both are used, as in transformers. Set it to false in config.json");
  return tables;
}
