// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table or two for embedding and head: what config.json says (tie_word_embeddings) and what the file holds may
// differ.
//
//   tied, both there and equal       one table
//   tied, both there and different   two tables, and a warning
//   tied, only one of them there     that one is both
//   not tied                         two tables; a missing one is an error
//
// In: the weights, the configuration. Out: the configuration as it is to be built. Cost: tables that might be tied are
// compared. From: tie_weights of transformers 5, modeling_utils.py. Tested by test/unit/frontends/TiedHeadTest.cpp and,
// against its logits, by the fixtures llama-two-tables and llama-head-only.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_TIEDHEAD_H
#define LMOPT_FRONTENDS_HUGGINGFACE_TIEDHEAD_H

#include "files/safetensors/Checkpoint.h"
#include "frontends/FieldTable.h"

namespace lmopt {

struct HeadTables {
  std::string embedding;   // the tensor that holds the embedding table
  std::string head;        // the tensor of the head's own table
  bool headIsCopy = false; // which repeats the embedding table and is not used

  bool isCopy(std::string_view tensor) const { return headIsCopy && tensor == head; }
};

/// `embedding` and `head` are the names of the tables. May change `tied`, and warn.
Result<HeadTables> resolveHead(const Checkpoint &checkpoint, const std::string &embedding, const std::string &head,
                               bool &tied, Warnings &warnings);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_TIEDHEAD_H
