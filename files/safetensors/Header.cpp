// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small automaton over the events of the JSON parser. Depth 1 holds tensor names, depth 2 the fields of one tensor or
// the metadata, depth 3 the numbers of a shape or of the offsets; anything else is malformed.
#include "files/safetensors/Header.h"

#include <nlohmann/json.hpp>

using namespace lmopt;
using nlohmann::json;

namespace {
class HeaderHandler : public nlohmann::json_sax<json> {
public:
  SafetensorsHeader header;
  Error error = malformed("");

  bool start_object(std::size_t) override;
  bool key(string_t &text) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool string(string_t &text) override;
  bool number_unsigned(number_unsigned_t value) override;
  bool number_integer(number_integer_t value) override {
    return reject("the negative number " + std::to_string(value));
  }
  bool number_float(number_float_t, const string_t &text) override { return reject("the number " + printable(text)); }
  bool null() override { // __metadata__ may be null: there is none
    bool isMetadata = depth == 1 && inMetadata;
    return isMetadata || reject("null");
  }
  bool boolean(bool) override { return reject("a bool"); }
  bool binary(binary_t &) override { return reject("binary data"); }
  bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &exception) override {
    return fail("the header is not valid JSON at its byte " + std::to_string(position) + ": " + exception.what());
  }

private:
  enum class Field { None, Type, Shape, Offsets };

  bool fail(const std::string &message) {
    error.message = message;
    return false;
  }
  bool reject(const std::string &found) { return fail(where() + ": found " + found + " where it does not belong"); }
  std::string where() const {
    return inMetadata               ? "__metadata__"
           : header.tensors.empty() ? "header"
                                    : "tensor " + printable(header.tensors.back().name);
  }
  /// Enters a field of a tensor; each may come once.
  bool enterField(Field next, bool &seen, const std::string &text) {
    if (seen)
      return fail(where() + ": key " + printable(text) + " appears twice");
    seen = true;
    field = next;
    return true;
  }

  int depth = 0;
  bool inMetadata = false, hasMetadata = false;
  bool hasType = false, hasShape = false, hasOffsets = false;
  Field field = Field::None;
  std::vector<uint64_t> offsets;
};
} // namespace

bool HeaderHandler::start_object(std::size_t) {
  if (depth > 1)
    return reject("an object");
  ++depth;
  return true;
}

bool HeaderHandler::key(string_t &text) {
  if (depth == 1) {
    inMetadata = text == "__metadata__";
    if (inMetadata && hasMetadata)
      return fail("key '__metadata__' appears twice");
    hasMetadata |= inMetadata;
    hasType = hasShape = hasOffsets = false;
    field = Field::None;
    if (!inMetadata) {
      header.tensors.emplace_back();
      header.tensors.back().name = std::move(text);
    }
    return true;
  }
  if (inMetadata) {
    header.metadata.emplace_back(std::move(text), "");
    return true;
  }
  if (text == "dtype")
    return enterField(Field::Type, hasType, text);
  if (text == "shape")
    return enterField(Field::Shape, hasShape, text);
  if (text == "data_offsets")
    return enterField(Field::Offsets, hasOffsets, text);
  return fail(where() + ": expected the keys dtype, shape and data_offsets, found " + printable(text));
}

bool HeaderHandler::end_object() {
  --depth;
  if (depth == 0 || inMetadata)
    return true;
  if (!hasType || !hasShape || !hasOffsets)
    return fail(where() + ": dtype, shape or data_offsets is missing");
  return true;
}

bool HeaderHandler::start_array(std::size_t) {
  if (depth != 2 || (field != Field::Shape && field != Field::Offsets))
    return reject("an array");
  offsets.clear();
  ++depth;
  return true;
}

bool HeaderHandler::end_array() {
  --depth;
  if (field == Field::Offsets) {
    if (offsets.size() != 2)
      return fail(where() + ": data_offsets has " + std::to_string(offsets.size()) + " numbers, expected 2");
    header.offsets.emplace_back(offsets[0], offsets[1]);
  }
  field = Field::None;
  return true;
}

bool HeaderHandler::string(string_t &text) {
  if (depth == 2 && inMetadata) {
    header.metadata.back().second = std::move(text);
    return true;
  }
  if (depth != 2 || field != Field::Type)
    return reject("the string " + printable(text));
  field = Field::None;
  header.tensors.back().type = safetensorsType(text);
  if (!header.tensors.back().type) {
    error.code = kErrorUnsupported;
    return fail(where() + ": dtype " + printable(text) + " is not supported; lmopt reads F32, F16, BF16 and I8");
  }
  return true;
}

bool HeaderHandler::number_unsigned(number_unsigned_t value) {
  if (depth != 3)
    return reject("the number " + std::to_string(value));
  if (field == Field::Offsets) {
    if (offsets.size() == 2)
      return fail(where() + ": data_offsets has more than 2 numbers");
    offsets.push_back(value);
    return true;
  }
  std::vector<int64_t> &shape = header.tensors.back().shape;
  if (shape.size() == kMaxSafetensorsRank)
    return fail(where() + ": more than " + std::to_string(kMaxSafetensorsRank) + " dimensions");
  if (value > INT64_MAX)
    return fail(where() + ": the size " + std::to_string(value) + " is impossible");
  shape.push_back(static_cast<int64_t>(value));
  return true;
}

Result<SafetensorsHeader> lmopt::parseSafetensorsHeader(std::string_view text, const std::string &path) {
  HeaderHandler handler;
  if (!json::sax_parse(text.begin(), text.end(), &handler))
    return Error{handler.error.code, path + ": " + handler.error.message};
  return std::move(handler.header);
}
