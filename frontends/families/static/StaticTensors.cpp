// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tensors of static embeddings as one table with a row for each token:
//
//   row(token) = weights[token] * embeddings[mapping[token]]      without `mapping` that of the token, without
//   `weights` 1
//
// A table of F32, F16 or BF16 that is the model's as it stands is left to the file; otherwise (clusters of tokens,
// weights, tables of I8 or F64) the rows are computed here. From: model2vec 0.10 (model.py, _encode_helper). Tested by
// test/unit/frontends/families/StaticTensorsTest.cpp.
#include "frontends/families/static/Static.h"

#include <cstring>

using namespace lmopt;

using Entry = Checkpoint::Entry;

/// A small file may ask for a large table; this is 2 GB of f32.
static constexpr int64_t kMaxNumbers = int64_t(1) << 29;

static Error bad(const Entry &entry, const std::string &what) {
  return malformed(entry.file->path() + ": tensor " + printable(entry.tensor->name) + ": " + what);
}

static bool isType(const Entry &entry, std::string_view name) { return entry.tensor->type->name == name; }

static Error wrongType(const Entry &entry, const char *expected) {
  return unsupported(entry.file->path() + ": tensor " + printable(entry.tensor->name) + " has dtype " +
                     std::string(entry.tensor->type->name) + ", which is not supported; supported are " + expected);
}

/// What model2vec and sentence-transformers call the table.
static Result<Entry> findTable(const Checkpoint &checkpoint) {
  Entry ours = checkpoint.find("embeddings"), other = checkpoint.find("embedding.weight");
  if (ours && other)
    return bad(other, "the table stands in 'embeddings', too, and nothing says which one counts");
  if (!ours && !other)
    return malformed(checkpoint.files().front().path() +
                     ": expected the tensor 'embeddings' (model2vec) or 'embedding.weight' (sentence-transformers), "
                     "found neither");
  const Entry &table = ours ? ours : other;
  const std::vector<int64_t> &shape = table.tensor->shape;
  if (shape.size() != 2 || shape[0] < 1 || shape[0] > kMaxVocabulary || shape[1] < 1 || shape[1] > kMaxWidth)
    return bad(table, "expected a matrix of 1 to " + std::to_string(kMaxVocabulary) + " rows and 1 to " +
                          std::to_string(kMaxWidth) + " columns");
  return table;
}

/// `count` values of type T, as they lie in the file, as numbers of another type.
template <class T, class Number>
static std::vector<Number> readAs(const Entry &entry, int64_t count) {
  std::vector<Number> numbers(static_cast<size_t>(count));
  for (size_t i = 0; i < numbers.size(); ++i) {
    T value;
    std::memcpy(&value, entry.tensor->data.data() + i * sizeof(T), sizeof(T));
    numbers[i] = static_cast<Number>(value);
  }
  return numbers;
}

static Result<std::vector<float>> readNumbers(const Entry &entry) {
  int64_t count = entry.tensor->rows() * entry.tensor->columns();
  if (isType(entry, "F64"))
    return readAs<double, float>(entry, count);
  if (!entry.tensor->type->decodable)
    return wrongType(entry, "F64, F32, F16, BF16, I8");
  std::vector<float> numbers(static_cast<size_t>(count));
  Result<void> decoded = entry.file->decodeRows(*entry.tensor, 0, entry.tensor->rows(), numbers.data());
  return decoded ? Result<std::vector<float>>(std::move(numbers)) : Result<std::vector<float>>(decoded.error());
}

/// A vector of one number for each token.
static Result<void> expectVector(const Entry &entry, int64_t tokens) {
  if (entry.tensor->shape == std::vector<int64_t>{tokens})
    return {};
  return bad(entry, "expected one number for each of the " + std::to_string(tokens) + " tokens");
}

/// The row of each token.
static Result<std::vector<int64_t>> readMapping(const Entry &entry, int64_t rows) {
  int64_t tokens = entry.tensor->shape.size() == 1 ? entry.tensor->shape[0] : 0;
  if (tokens < 1 || tokens > kMaxVocabulary)
    return bad(entry, "expected a vector of 1 to " + std::to_string(kMaxVocabulary) + " numbers");
  if (!isType(entry, "I64") && !isType(entry, "I32"))
    return wrongType(entry, "I64, I32");
  std::vector<int64_t> mapping =
      isType(entry, "I64") ? readAs<int64_t, int64_t>(entry, tokens) : readAs<int32_t, int64_t>(entry, tokens);
  for (int64_t row : mapping)
    if (row < 0 || row >= rows)
      return bad(entry, "row " + std::to_string(row) + " is not one of the " + std::to_string(rows) + " of the table");
  return mapping;
}

/// Rows of the table for each token, times its weight.
static Result<void> computeRows(const Entry &table, const std::vector<int64_t> *mapping, const Entry &weights,
                                StaticConfig &config) {
  if (config.vocabulary * config.width > kMaxNumbers)
    return unsupported(table.file->path() + ": a table of " + std::to_string(config.vocabulary) + " tokens of width " +
                       std::to_string(config.width) + " is beyond 2^29 numbers");
  Result<std::vector<float>> source = readNumbers(table);
  Result<std::vector<float>> factors =
      weights ? readNumbers(weights) : Result<std::vector<float>>(std::vector<float>());
  if (!source || !factors)
    return source ? factors.error() : source.error();
  size_t width = static_cast<size_t>(config.width);
  config.rows.resize(static_cast<size_t>(config.vocabulary) * width);
  for (size_t token = 0; token < static_cast<size_t>(config.vocabulary); ++token) {
    const float *from = source->data() + (mapping ? static_cast<size_t>((*mapping)[token]) : token) * width;
    float factor = weights ? (*factors)[token] : 1.0f;
    for (size_t i = 0; i < width; ++i)
      config.rows[token * width + i] = from[i] * factor;
  }
  return {};
}

Result<void> lmopt::readStaticTensors(const Checkpoint &checkpoint, StaticConfig &config) {
  Result<Entry> table = findTable(checkpoint);
  if (!table)
    return table.error();
  Entry mapping = checkpoint.find("mapping"), weights = checkpoint.find("weights");
  config.vocabulary = table->tensor->shape[0];
  config.width = table->tensor->shape[1];
  std::vector<int64_t> rows;
  if (mapping) {
    Result<std::vector<int64_t>> read = readMapping(mapping, config.vocabulary);
    if (!read)
      return read.error();
    rows = read.take();
    config.vocabulary = static_cast<int64_t>(rows.size());
  }
  if (weights)
    if (Result<void> fits = expectVector(weights, config.vocabulary); !fits)
      return fits;
  if (mapping || weights || isType(*table, "I8") || isType(*table, "F64"))
    return computeRows(*table, mapping ? &rows : nullptr, weights, config);
  config.table = table->tensor->name;
  return {};
}
