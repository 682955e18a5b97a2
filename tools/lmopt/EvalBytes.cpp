// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two models with different tokenizers on the same bytes; see EvalBytes.h.
#include "tools/lmopt/EvalBytes.h"

#include "tools/lmopt/CommonChunks.h"
#include "tools/lmopt/Scores.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace lmopt::driver {

double ByteScore::perplexity() const { return std::exp(loss / static_cast<double>(tokens)); }
double ByteScore::bitsPerByte(int64_t bytes) const { return loss / std::log(2.0) / static_cast<double>(bytes); }

namespace {
/// A text in the tokens of one model.
struct TokenText {
  std::vector<int32_t> ids;
  std::vector<size_t> ends; ///< in `bytes`
  std::string bytes;        ///< what the pieces are together
};
} // namespace

static Result<std::string> pieceOf(const lmopt_tokenizer_t *tokenizer, int32_t id) {
  const char *bytes = nullptr;
  size_t size = 0;
  lmopt_error_t error{};
  if (lmopt_tokenizer_piece(tokenizer, id, &bytes, &size, &error) != LMOPT_OK)
    return runtimeError(error);
  return std::string(bytes, size);
}

static Result<TokenText> readText(const EvalRunner &runner, const std::string &text) {
  Result<const lmopt_tokenizer_t *> tokenizer = tokenizerOf(runner.model);
  if (!tokenizer.ok())
    return tokenizer.error();
  Result<std::vector<int32_t>> ids = encodeText(*tokenizer, text, LMOPT_TOKENIZE_NO_TRUNCATION);
  if (!ids.ok())
    return ids.error();
  TokenText result;
  result.ids = ids.take();
  for (int32_t id : result.ids) {
    Result<std::string> piece = pieceOf(*tokenizer, id);
    if (!piece.ok())
      return piece.error();
    result.bytes += *piece;
    result.ends.push_back(result.bytes.size());
  }
  return result;
}

Result<bool> readAlike(const EvalRunner &model, const EvalRunner &reference, const std::string &text) {
  bool alike = model.vocabulary() == reference.vocabulary();
  Result<const lmopt_tokenizer_t *> tokenizer = tokenizerOf(reference.model);
  if (!tokenizer.ok()) // then it is fed the ids of the model
    return alike ? Result<bool>(true) : tokenizer.error();
  if (!alike)
    return false;
  std::vector<int32_t> ids[2];
  for (size_t i : {0, 1}) {
    Result<std::vector<int32_t>> read =
        encodeText(i == 0 ? model.model : reference.model, text, LMOPT_TOKENIZE_NO_TRUNCATION);
    if (!read.ok())
      return read.error();
    ids[i] = read.take();
  }
  return ids[0] == ids[1];
}

/// For each token of the reference whether the model has one of the same bytes.
static Result<std::vector<bool>> findShared(const EvalRunner &model, const EvalRunner &reference) {
  Result<const lmopt_tokenizer_t *> mine = tokenizerOf(model.model), other = tokenizerOf(reference.model);
  if (!mine.ok() || !other.ok())
    return mine.ok() ? other.error() : mine.error();
  std::vector<bool> shared;
  for (size_t id = 0; id < reference.vocabulary(); ++id) {
    Result<std::string> piece = pieceOf(*other, static_cast<int32_t>(id));
    if (!piece.ok())
      return piece.error();
    shared.push_back(lmopt_tokenizer_find(*mine, piece->data(), piece->size()) >= 0);
  }
  return shared;
}

static double massOutside(const std::vector<bool> &shared, const float *logits, double logSum) {
  double mass = 0;
  for (size_t v = 0; v < shared.size(); ++v)
    if (!shared[v])
      mass += std::exp(logits[v] - logSum);
  return mass;
}

namespace {
class Comparison {
public:
  Comparison(EvalRunner &model, EvalRunner &reference, std::vector<bool> shared)
      : model(model), reference(reference), shared(std::move(shared)) {}

  Result<void> add(const std::array<TokenText, 2> &texts, const CommonChunk &chunk);
  ByteComparison figures() const;

private:
  EvalRunner &model, &reference;
  std::vector<bool> shared;
  ByteComparison result;
  double lost = 0;
};
} // namespace

Result<void> Comparison::add(const std::array<TokenText, 2> &texts, const CommonChunk &chunk) {
  for (size_t i : {0, 1}) {
    EvalRunner &runner = i == 0 ? model : reference;
    ByteScore &score = i == 0 ? result.model : result.reference;
    auto length = static_cast<int64_t>(chunk.end[i] - chunk.begin[i]);
    auto first = static_cast<int64_t>(chunk.middle[i] - chunk.begin[i]) - 1; // the row that predicts the middle
    auto take = [&](const float *logits, int32_t next) {
      double logSum = logSumExp(logits, runner.vocabulary());
      score.loss += logSum - logits[next];
      ++score.tokens;
      lost += i == 0 ? 0 : massOutside(shared, logits, logSum);
    };
    if (Result<void> scored = runner.score(texts[i].ids.data() + chunk.begin[i], length, first, take); !scored.ok())
      return scored;
  }
  result.bytes += static_cast<int64_t>(chunk.bytes);
  return {};
}

ByteComparison Comparison::figures() const {
  ByteComparison figures = result;
  figures.lostMass = lost / static_cast<double>(result.reference.tokens);
  return figures;
}

Result<ByteComparison> compareByBytes(EvalRunner &model, EvalRunner &reference, const std::string &text,
                                      int64_t context, int64_t chunks,
                                      const std::function<void(int64_t chunk, int64_t of)> &show) {
  std::array<TokenText, 2> texts;
  for (size_t i : {0, 1}) {
    Result<TokenText> read = readText(i == 0 ? model : reference, text);
    if (!read.ok())
      return read.error();
    texts[i] = read.take();
  }
  if (texts[0].bytes != texts[1].bytes)
    return Error{kErrorUsage, "'" + model.model.path + "' and '" + reference.model.path +
                                  "' have tokenizers that read the text as different bytes, so there is nothing to "
                                  "compare; leave out --reference"};
  std::vector<CommonChunk> all = cutCommonChunks({texts[0].ends, texts[1].ends}, static_cast<size_t>(context));
  if (all.empty())
    return Error{kErrorUsage, "the text is too short for one chunk of " + std::to_string(context) +
                                  " tokens of both models; give a longer text or a smaller --ctx"};
  Result<std::vector<bool>> shared = findShared(model, reference);
  if (!shared.ok())
    return shared.error();
  Comparison comparison(model, reference, shared.take());
  auto count = static_cast<int64_t>(all.size());
  count = chunks > 0 ? std::min(count, chunks) : count;
  for (int64_t i = 0; i < count; ++i) {
    show(i, count);
    if (Result<void> added = comparison.add(texts, all[static_cast<size_t>(i)]); !added.ok())
      return added.error();
  }
  return comparison.figures();
}

static nlohmann::ordered_json figuresAsJson(const ByteComparison &from) {
  return {{"tokens", from.model.tokens},
          {"ppl", from.model.perplexity()},
          {"ref_ppl", from.reference.perplexity()},
          {"kl", nullptr},
          {"top1", nullptr},
          {"ref_tokens", from.reference.tokens},
          {"bytes", from.bytes},
          {"bits_per_byte", from.model.bitsPerByte(from.bytes)},
          {"ref_bits_per_byte", from.reference.bitsPerByte(from.bytes)},
          {"lost_mass", from.lostMass}};
}

std::string ByteComparison::report(bool json) const {
  if (json)
    return figuresAsJson(*this).dump() + "\n";
  char text[600];
  double bits = model.bitsPerByte(bytes), referenceBits = reference.bitsPerByte(bytes);
  std::snprintf(
      text, sizeof text,
      "bytes scored           %lld\nbits per byte          %.5f\nreference              %.5f   (ratio %.4f)\n"
      "tokens scored          %lld   (reference %lld)\nperplexity             %.4f   (reference %.4f, of other "
      "tokens)\nmass on lost tokens    %.6f\n",
      static_cast<long long>(bytes), bits, referenceBits, bits / referenceBits, static_cast<long long>(model.tokens),
      static_cast<long long>(reference.tokens), model.perplexity(), reference.perplexity(), lostMass);
  return text;
}

} // namespace lmopt::driver
