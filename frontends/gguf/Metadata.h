// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads keys of one architecture ("llama.block_count") with bounds and remembers the first error; JsonFields for GGUF.
// Tested by test/unit/frontends/families/GgufLlamaTest.cpp.
#ifndef LMOPT_FRONTENDS_GGUF_METADATA_H
#define LMOPT_FRONTENDS_GGUF_METADATA_H

#include "files/gguf/Gguf.h"
#include "frontends/families/ModelConfig.h"

#include <optional>

namespace lmopt {

class GgufFields {
public:
  /// `prefix` stands before all keys: "llama.".
  GgufFields(const GgufFile &file, std::string prefix) : file(file), prefix(std::move(prefix)) {}

  /// A missing key is `standard`, or an error when there is none.
  int64_t integer(const char *key, int64_t least, int64_t most, std::optional<int64_t> standard = std::nullopt);
  double number(const char *key, double least, double most, std::optional<double> standard = std::nullopt);
  /// One number from 1 to `most` for all layers, or a list of one for each.
  std::vector<int64_t> perLayer(const char *key, int64_t layers, int64_t most, const std::vector<int64_t> &standard);
  /// Empty when the key is missing, "?" when it is no text.
  std::string string(const char *key);
  /// The tensors that say something about the configuration of a decoder: how many tokens there are, and whether the
  /// head is the same table.
  void readTables(DecoderConfig &config);

  void fail(const std::string &key, const std::string &message, int code = kErrorMalformed);
  /// Takes over what is wrong elsewhere in the file.
  void adopt(Error error);
  bool ok() const { return !failure; }
  const Error &error() const { return *failure; }

private:
  const GgufValue *take(const char *key) { return failure ? nullptr : file.find(prefix + key); }

  const GgufFile &file;
  std::string prefix;
  std::optional<Error> failure;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_GGUF_METADATA_H
