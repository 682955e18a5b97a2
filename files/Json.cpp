// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of files/Json.h: a first pass over the text checks the limits without building anything; only what
// passes becomes a document.
#include "files/Json.h"

#include "files/File.h"

#include <algorithm>
#include <cmath>

using namespace lmopt;
using nlohmann::json;

namespace {
/// Counts values and depth.
class LimitChecker : public nlohmann::json_sax<json> {
public:
  explicit LimitChecker(uint64_t mostValues) : mostValues(mostValues) {}
  std::string message;

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t &) override { return count(); }
  bool string(string_t &) override { return count(); }
  bool binary(binary_t &) override { return count(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t &) override { return true; }
  bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &exception) override {
    return fail("not valid JSON at byte " + std::to_string(position) + ": " + exception.what());
  }

private:
  bool fail(const std::string &text) {
    message = text;
    return false;
  }
  bool count() { return ++values <= mostValues || fail("more than " + std::to_string(mostValues) + " values"); }
  bool open() {
    return ++depth <= kMaxJsonDepth ? count() : fail("nested deeper than " + std::to_string(kMaxJsonDepth));
  }
  bool close() {
    --depth;
    return true;
  }

  const uint64_t mostValues;
  uint64_t values = 0;
  unsigned depth = 0;
};
} // namespace

/// The constants of Python's json that no parser of the standard knows, in terms of the standard.
static std::string withoutPythonConstants(std::string_view text) {
  static const std::pair<std::string_view, std::string_view> constants[] = {{"NaN", "\"NaN\""},
                                                                            {"Infinity", "1.7976931348623157e308"}};
  std::string result;
  result.reserve(text.size());
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (inString && text[i] == '\\' && i + 1 < text.size()) {
      result += text.substr(i++, 2);
      continue;
    }
    inString ^= text[i] == '"';
    const auto *found = std::find_if(std::begin(constants), std::end(constants), [&](auto &constant) {
      return !inString && text.substr(i, constant.first.size()) == constant.first;
    });
    result += found == std::end(constants) ? text.substr(i, 1) : found->second;
    i += found == std::end(constants) ? 0 : found->first.size() - 1;
  }
  return result;
}

Result<json> lmopt::parseJson(std::string_view text, const std::string &path, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return malformed(path + ": " + std::to_string(text.size()) + " bytes of JSON, at most " +
                     std::to_string(limits.bytes) + " are accepted");
  std::string translated;
  if (text.find("NaN") != text.npos || text.find("Infinity") != text.npos)
    text = translated = withoutPythonConstants(text);
  LimitChecker checker(limits.values);
  if (!json::sax_parse(text.begin(), text.end(), &checker))
    return malformed(path + ": " + checker.message);
  return json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

Result<json> lmopt::readJsonFile(const std::string &path) {
  Result<std::string> text = readSmallFile(path, kMaxJsonBytes);
  if (!text)
    return text.error();
  return parseJson(*text, path);
}

JsonFields::JsonFields(const json &object, std::string path, std::string prefix)
    : object(object), path(std::move(path)), prefix(std::move(prefix)) {
  if (!object.is_object())
    failure =
        malformed(this->path + ": expected a JSON object" +
                  (this->prefix.empty() ? "" : " in field '" + this->prefix + "'") + ", found " + object.type_name());
}

std::string JsonFields::place(const std::string &field) const {
  return path + ": field " + printable(prefix.empty() ? field : prefix + "." + field);
}

void JsonFields::fail(const std::string &field, const std::string &message, int code) {
  if (!failure)
    failure = Error{code, place(field) + ": " + message};
}

void JsonFields::adopt(Error error) {
  if (!failure)
    failure = std::move(error);
}

/// The value as it stands in the file, cut to a readable length.
static std::string shown(const json &value) {
  return value.is_structured() ? std::string("an ") + value.type_name()
                               : printable(value.dump(-1, ' ', true, json::error_handler_t::replace));
}

const json *JsonFields::take(const char *field) {
  known.push_back(field);
  if (failure)
    return nullptr;
  auto found = object.find(field);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const json *JsonFields::value(const char *field) { return take(field); }

std::optional<int64_t> JsonFields::integer(const char *field, int64_t least, int64_t most) {
  const json *found = take(field);
  if (!found)
    return std::nullopt;
  bool fits = found->is_number_integer() && (!found->is_number_unsigned() || found->get<uint64_t>() <= INT64_MAX);
  int64_t number = fits ? found->get<int64_t>() : 0;
  if (fits && number >= least && number <= most)
    return number;
  fail(field, "expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", found " +
                  shown(*found));
  return std::nullopt;
}

int64_t JsonFields::requireInteger(const char *field, int64_t least, int64_t most) {
  std::optional<int64_t> number = integer(field, least, most);
  if (!number && ok())
    fail(field, "is missing; expected an integer");
  return number.value_or(least);
}

std::optional<double> JsonFields::number(const char *field, double least, double most) {
  const json *found = take(field);
  if (!found)
    return std::nullopt;
  double number = found->is_number() ? found->get<double>() : NAN;
  if (number >= least && number <= most) // false for NaN
    return number;
  fail(field, "expected a number from " + json(least).dump() + " to " + json(most).dump() + ", found " + shown(*found));
  return std::nullopt;
}

std::optional<bool> JsonFields::boolean(const char *field) {
  const json *found = take(field);
  if (!found)
    return std::nullopt;
  if (found->is_boolean())
    return found->get<bool>();
  fail(field, "expected true or false, found " + shown(*found));
  return std::nullopt;
}

std::optional<std::string> JsonFields::string(const char *field) {
  const json *found = take(field);
  if (!found)
    return std::nullopt;
  if (found->is_string())
    return found->get<std::string>();
  fail(field, "expected a string, found " + shown(*found));
  return std::nullopt;
}

std::optional<std::vector<double>> JsonFields::numbers(const char *field, size_t most) {
  const json *found = take(field);
  if (!found)
    return std::nullopt;
  bool good = found->is_array() && found->size() <= most &&
              std::all_of(found->begin(), found->end(), [](const json &element) { return element.is_number(); });
  if (good)
    return found->get<std::vector<double>>();
  fail(field, "expected at most " + std::to_string(most) + " numbers, found " + shown(*found));
  return std::nullopt;
}

std::vector<std::string> JsonFields::unknown() const {
  std::vector<std::string> names;
  if (object.is_object())
    for (auto &[name, content] : object.items())
      if (!content.is_null() && std::find(known.begin(), known.end(), name) == known.end())
        names.push_back(name);
  return names;
}
