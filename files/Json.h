// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON documents of bounded size and depth, for the configuration files of models; and strict access to their fields,
// with messages that name file and field. Such files are written and read by Python, whose module json goes beyond the
// standard, and so do we: the last of two equal keys counts; NaN and Infinity are numbers. NaN becomes the string
// "NaN", which no reader of a number takes, Infinity the greatest finite number, which is as good a limit.
//
// In: text. Out: nlohmann::json, or an error with exit code 3.
// Tested by test/unit/files/JsonTest.cpp, fuzzed by fuzz-config-json.
#ifndef LMOPT_FILES_JSON_H
#define LMOPT_FILES_JSON_H

#include "files/Status.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

constexpr uint64_t kMaxJsonBytes = 16 << 20;
constexpr unsigned kMaxJsonDepth = 64;
constexpr uint64_t kMaxJsonValues = 1 << 20;

/// What is large by nature (a vocabulary) asks for more than the defaults.
struct JsonLimits {
  uint64_t bytes = kMaxJsonBytes;
  uint64_t values = kMaxJsonValues;
};

/// `path` is for messages only.
Result<nlohmann::json> parseJson(std::string_view text, const std::string &path, JsonLimits limits = {});
/// Reads and parses a file of at most kMaxJsonBytes bytes.
Result<nlohmann::json> readJsonFile(const std::string &path);

/// Reads the fields of one object. The first field with a wrong type is remembered as the error, later ones are
/// ignored; every field asked for counts as known, so that the unknown ones can be listed.
class JsonFields {
public:
  JsonFields(const nlohmann::json &object, std::string path, std::string prefix = "");

  /// Each returns empty when the field is absent or null, or when an error was recorded.
  std::optional<int64_t> integer(const char *field, int64_t least, int64_t most);
  std::optional<double> number(const char *field, double least, double most);
  std::optional<bool> boolean(const char *field);
  std::optional<std::string> string(const char *field);
  std::optional<std::vector<double>> numbers(const char *field, size_t most);
  /// A nested object or array as it is; null when absent.
  const nlohmann::json *value(const char *field);

  /// Whether the field is there and null, where that is not the same as missing.
  bool isNull(const char *field) const { return object.contains(field) && object[field].is_null(); }

  /// The same, for fields that must be there.
  int64_t requireInteger(const char *field, int64_t least, int64_t most);

  /// Marks fields as known without reading them: they do not change what the model computes.
  void ignore(std::initializer_list<const char *> fields) { known.insert(known.end(), fields.begin(), fields.end()); }
  template <size_t N>
  void ignore(const char *const (&fields)[N]) {
    known.insert(known.end(), fields, fields + N);
  }
  /// The fields never asked for whose value is not null.
  std::vector<std::string> unknown() const;

  void fail(const std::string &field, const std::string &message, int code = kErrorMalformed);
  /// Takes over the error of a nested object.
  void adopt(Error error);
  bool ok() const { return !failure; }
  const Error &error() const { return *failure; }
  std::string place(const std::string &field) const;

private:
  const nlohmann::json *take(const char *field);

  const nlohmann::json &object;
  std::string path, prefix;
  std::vector<std::string> known;
  std::optional<Error> failure;
};

} // namespace lmopt

#endif // LMOPT_FILES_JSON_H
