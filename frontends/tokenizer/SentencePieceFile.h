// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file of SentencePiece, tokenizer.model: pieces with scores and types, and how a text is treated before.
//
// In: the bytes of a ModelProto, from a stranger. Out: what decides about ids. What sentencepiece refuses to load is
// malformed here (two pieces with one text, no unknown piece, ...); what it loads and lmopt does not do is exit code 4,
// by name. How a model was trained is not looked at. Source: sentencepiece_model.proto and ModelInterface of
// sentencepiece 0.2. Tested by test/unit/tokenizer/ModelFileTest.cpp, fuzzed by fuzz-tokenizer-model.
#ifndef LMOPT_FRONTENDS_TOKENIZER_SENTENCEPIECEFILE_H
#define LMOPT_FRONTENDS_TOKENIZER_SENTENCEPIECEFILE_H

#include "files/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

struct SentencePiece {
  enum Type : uint32_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };
  std::string text;
  float score = 0;
  Type type = Normal;
};

struct SentencePieceFile {
  std::vector<SentencePiece> pieces; // by id
  bool isUnigram = true;             // else BPE
  bool byteFallback = false;         // a character that is no piece becomes the pieces of its bytes
  std::string charsmap;              // what characters become first
  bool addDummyPrefix = true, removeExtraWhitespaces = true, escapeWhitespaces = true;
  uint32_t unknown = 0; // the id of the unknown piece
};

Result<SentencePieceFile> readSentencePieceFile(std::string_view bytes, const std::string &path);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_SENTENCEPIECEFILE_H
