// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Metadata.h. Tested by test/unit/frontends/families/GgufLlamaTest.cpp.
#include "frontends/gguf/Metadata.h"

#include <algorithm>

using namespace lmopt;

void GgufFields::fail(const std::string &key, const std::string &message, int code) {
  adopt(Error{code, file.path() + ": metadata key " + printable(prefix + key) + ": " + message});
}

void GgufFields::adopt(Error error) {
  if (!failure)
    failure = std::move(error);
}

int64_t GgufFields::integer(const char *key, int64_t least, int64_t most, std::optional<int64_t> standard) {
  const GgufValue *value = take(key);
  if (!value && !standard)
    fail(key, "is missing; expected an integer");
  if (!value)
    return standard.value_or(least);
  std::optional<int64_t> number = value->asSigned();
  if (number && *number >= least && *number <= most)
    return *number;
  fail(key, "expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", found " +
                (number ? std::to_string(*number) : std::string(ggufValueTypeName(value->type()))));
  return least;
}

double GgufFields::number(const char *key, double least, double most, std::optional<double> standard) {
  const GgufValue *value = take(key);
  if (!value && !standard)
    fail(key, "is missing; expected a number");
  if (!value)
    return standard.value_or(least);
  std::optional<double> number = value->asDouble();
  if (number && *number >= least && *number <= most)
    return *number;
  fail(key, "expected a number from " + std::to_string(least) + " to " + std::to_string(most) + ", found " +
                (number ? std::to_string(*number) : std::string(ggufValueTypeName(value->type()))));
  return least;
}

std::vector<int64_t> GgufFields::perLayer(const char *key, int64_t layers, int64_t most,
                                          const std::vector<int64_t> &standard) {
  const GgufValue *value = take(key);
  if (!value && standard.empty())
    fail(key, "is missing; expected an integer");
  if (!value)
    return standard.empty() ? std::vector<int64_t>(layers, 1) : standard;
  if (!value->isArray())
    return std::vector<int64_t>(layers, integer(key, 1, most));
  bool fits = value->size() == static_cast<uint64_t>(layers); // before anything is allocated for it
  std::optional<std::vector<int64_t>> numbers = fits ? value->asIntegers() : std::nullopt;
  if (numbers && std::all_of(numbers->begin(), numbers->end(), [&](int64_t n) { return n >= 1 && n <= most; }))
    return *numbers;
  fail(key, "expected one integer from 1 to " + std::to_string(most) + " for each of the " + std::to_string(layers) +
                " layers, found an array of " + std::to_string(value->size()));
  return std::vector<int64_t>(layers, 1);
}

void GgufFields::readTables(DecoderConfig &config) {
  const GgufTensor *embedding = file.findTensor("token_embd.weight"), *head = file.findTensor("output.weight");
  if (!embedding || embedding->shape.size() != 2)
    return adopt(malformed(file.path() + ": the tensor 'token_embd.weight' is missing or no matrix"));
  config.vocabulary = embedding->rows();
  if (config.vocabulary > kMaxVocabulary)
    return adopt(malformed(file.path() + ": tensor 'token_embd.weight' has " + std::to_string(config.vocabulary) +
                           " rows, at most " + std::to_string(kMaxVocabulary) + " tokens are accepted"));
  config.tiedHead =
      !head || (head->type == embedding->type && head->shape == embedding->shape && head->data == embedding->data);
}

std::string GgufFields::string(const char *key) {
  const GgufValue *value = take(key);
  return std::string(value ? value->asString().value_or("?") : "");
}
