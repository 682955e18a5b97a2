// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tokenizer with fewer tokens: those that some texts need, and those without which not every text could be written.
//
// In: a tokenizer blob, texts. Out: the ids that stay, ascending, and the blob of the tokenizer that has only these,
// numbered anew from 0 in the same order.
//
// What stays: every token that one of the texts becomes; special and added tokens, roles, ends, what a template adds,
// the unknown token; and
//   BPE: the token of each byte, and all pieces that a token which stays is joined from. Of the merges those stay whose
//   three pieces do, in their order. So each of the texts becomes the same tokens as before, and so does any word that
//   became tokens which stay: every join on its way is there still, and there is no new one that could come before.
//   Any other word is joined as far as the merges reach, and its bytes are those of the word.
//   WordPiece: every piece of one character, and a piece with a character that has no piece of its own in its place. So
//   a word of characters that have pieces of their own never becomes unknown. With others it can, rarely: where a piece
//   that went began before one that is now the longest and ends inside a piece that the last characters need.
//
// From: techniques 5.1. Cost: the texts are encoded once; a token is derived once, quadratic in its length. Tested by
// test/unit/tokenizer/ShortListTest.cpp.
#ifndef LMOPT_FRONTENDS_TOKENIZER_SHORTLIST_H
#define LMOPT_FRONTENDS_TOKENIZER_SHORTLIST_H

#include "frontends/tokenizer/TokenizerBlob.h"

#include <memory>
#include <unordered_map>

namespace lmopt {

class ShortList {
public:
  /// `blob` must stay in place. `path` is for messages only.
  static Result<ShortList> create(std::string_view blob, const std::string &path);

  /// What this text becomes, as a model is fed it, stays.
  Result<void> addText(std::string_view text);

  /// Adds tokens until so many stay: those that merges make first, or pieces by id, which is the order in which the
  /// tokenizer's makers found them most frequent. Fewer stay only where no more can come out of the tokenizer.
  void fill(size_t tokens);

  /// All that stays: ids of the tokenizer that was given.
  std::vector<int64_t> kept() const;
  /// The tokenizer with only these.
  Result<std::string> writeTokenizer() const;

  size_t vocabulary() const { return spec.pieces.size(); }
  int64_t textTokens() const { return tokensOfTexts; } ///< of all texts
  size_t textVocabulary() const { return occurring; }  ///< different ones among these

private:
  using Handle = std::unique_ptr<lmopt_tokenizer_t, void (*)(lmopt_tokenizer_t *)>;

  ShortList(TokenizerSpec spec, Handle tokenizer, std::string path);
  void keepAlways();
  void keepAlphabet();
  void keep(int64_t token);
  void keepDerivations();
  void keepDerivation(uint32_t token);
  void mark(size_t token);
  bool comesOut(int32_t piece) const;
  bool join(std::vector<uint32_t> &parts);

  TokenizerSpec spec;
  Handle tokenizer;
  std::string path;
  std::vector<bool> stays;                     // by id
  std::unordered_map<uint64_t, size_t> ranks;  // of a pair of neighbours, the first merge of it
  std::unordered_map<uint32_t, size_t> makers; // of a token, the first merge to it
  std::array<int64_t, 256> byteTokens;         // -1: none
  std::vector<uint32_t> underived;             // stay, but what they are joined from perhaps not yet
  std::vector<bool> seen;                      // in a text, by id
  int64_t tokensOfTexts = 0;
  size_t occurring = 0, staying = 0;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_SHORTLIST_H
