// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of SentencePieceFile.h: one function for each message, then what must hold for all of it.
#include "frontends/tokenizer/SentencePieceFile.h"

#include "files/File.h"
#include "files/Wire.h"
#include "frontends/tokenizer/TokenizerBlob.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <unordered_set>

using namespace lmopt;

namespace {
/// Numbers of the fields, as sentencepiece_model.proto has them.
enum ModelField { kPieces = 1, kTrainer = 2, kNormalizer = 3, kSelfTest = 4, kDenormalizer = 5 };
enum PieceField { kText = 1, kScore = 2, kType = 3 };
enum TrainerField { kModelType = 3, kSuffix = 24, kByteFallback = 35 };
enum NormalizerField { kName = 1, kCharsmap = 2, kDummyPrefix = 3, kExtra = 4, kEscape = 5, kRules = 6 };

class FileReader {
public:
  explicit FileReader(const std::string &path) : path(path) {}
  Result<SentencePieceFile> read(std::string_view bytes);

private:
  using Take = std::function<Result<void>(const WireField &)>;
  Result<void> each(std::string_view bytes, const std::string &what, const Take &take) const;
  Result<void> model(const WireField &field);
  Result<void> piece(std::string_view bytes);
  Result<void> trainer(const WireField &field);
  Result<void> normalizer(const WireField &field);
  Result<void> denormalizer(const WireField &field) const;
  Result<void> checkPiece(size_t id) const;
  Result<void> checkPieces();
  Error wrong(const std::string &what) const { return malformed(path + ": " + what); }
  Error refuse(const std::string &what) const { return unsupported(path + ": " + what); }
  Error unknownField(const char *where, const WireField &field) const {
    return refuse(std::string(where) + ": field " + std::to_string(field.number) + " is not known to lmopt");
  }
  /// Whether the field is of this type; the message names it.
  Result<void> is(const WireField &field, WireType type, const char *name) const {
    return field.type == type ? Result<void>()
                              : wrong(std::string("field '") + name + "' has another type than SentencePiece gives it");
  }

  const std::string &path;
  SentencePieceFile file;
};
} // namespace

Result<void> FileReader::each(std::string_view bytes, const std::string &what, const Take &take) const {
  WireReader reader(bytes, path + ": " + what);
  for (WireField field;;) {
    Result<bool> more = reader.next(field);
    if (!more)
      return more.error();
    if (!*more)
      return {};
    if (Result<void> taken = take(field); !taken)
      return taken;
  }
}

Result<void> FileReader::piece(std::string_view bytes) {
  SentencePiece read;
  uint64_t type = read.type;
  std::string place = "piece " + std::to_string(file.pieces.size());
  Result<void> done = each(bytes, place, [&](const WireField &field) -> Result<void> {
    switch (field.number) {
    case kText:
      read.text = field.bytes;
      return is(field, WireType::Bytes, "piece");
    case kScore: {
      uint32_t bits = static_cast<uint32_t>(field.value);
      memcpy(&read.score, &bits, sizeof(bits));
      return is(field, WireType::Four, "score");
    }
    case kType:
      type = field.value;
      return is(field, WireType::Number, "type");
    default:
      return unknownField(place.c_str(), field);
    }
  });
  if (!done)
    return done;
  if (type < SentencePiece::Normal || type > SentencePiece::Byte)
    return refuse(place + ": type " + std::to_string(type) + " is not known; supported: 1 to 6");
  read.type = static_cast<SentencePiece::Type>(type);
  file.pieces.push_back(std::move(read));
  if (file.pieces.size() > LMOPT_TOKENIZER_MAX_TOKENS)
    return refuse("more than " + std::to_string(LMOPT_TOKENIZER_MAX_TOKENS) + " pieces");
  return {};
}

/// How the model was trained is nothing to us.
Result<void> FileReader::trainer(const WireField &field) {
  static const char *const kNames[] = {"", "unigram", "bpe", "word", "char"};
  if (field.number == kModelType) {
    bool known = field.value >= 1 && field.value <= 4;
    if (field.value != 1 && field.value != 2)
      return refuse("a model of type " + (known ? kNames[field.value] : std::to_string(field.value)) +
                    " is not supported; supported: unigram, bpe");
    file.isUnigram = field.value == 1;
    return is(field, WireType::Number, "model_type");
  }
  if (field.number == kSuffix && field.value)
    return refuse("trainer_spec.treat_whitespace_as_suffix is not supported");
  if (field.number == kByteFallback) {
    file.byteFallback = field.value != 0;
    return is(field, WireType::Number, "byte_fallback");
  }
  return {};
}

Result<void> FileReader::normalizer(const WireField &field) {
  if (field.number == kName || field.number == kRules) // both have become the charsmap
    return {};
  if (field.number == kCharsmap) {
    file.charsmap = field.bytes;
    return is(field, WireType::Bytes, "precompiled_charsmap");
  }
  const std::pair<uint32_t, bool *> switches[] = {
      {kDummyPrefix, &file.addDummyPrefix}, {kExtra, &file.removeExtraWhitespaces}, {kEscape, &file.escapeWhitespaces}};
  for (auto [number, value] : switches)
    if (field.number == number) {
      *value = field.value != 0;
      return is(field, WireType::Number, "of normalizer_spec");
    }
  return unknownField("normalizer_spec", field);
}

Result<void> FileReader::denormalizer(const WireField &field) const {
  if (field.number == kCharsmap && !field.bytes.empty())
    return refuse("denormalizer_spec.precompiled_charsmap, which changes what is written, is not supported");
  return {};
}

Result<void> FileReader::model(const WireField &field) {
  if (field.number < kPieces || field.number > kDenormalizer)
    return unknownField("the model", field);
  if (Result<void> message = is(field, WireType::Bytes, "of the model"); !message)
    return message;
  switch (field.number) {
  case kPieces:
    return piece(field.bytes);
  case kTrainer:
    return each(field.bytes, "trainer_spec", [&](const WireField &inner) { return trainer(inner); });
  case kNormalizer:
    return each(field.bytes, "normalizer_spec", [&](const WireField &inner) { return normalizer(inner); });
  case kDenormalizer:
    return each(field.bytes, "denormalizer_spec", [&](const WireField &inner) { return denormalizer(inner); });
  default: // self_test_data: texts that sentencepiece compares when it is asked to
    return {};
  }
}

Result<void> FileReader::checkPiece(size_t id) const {
  const SentencePiece &piece = file.pieces[id];
  std::string place = "piece " + std::to_string(id) + ", " + printable(piece.text) + ": ";
  if (piece.text.empty())
    return wrong("piece " + std::to_string(id) + " has no text");
  if (!std::isfinite(piece.score))
    return wrong(place + "the score is not a finite number");
  if (piece.type == SentencePiece::Byte && !byteNamed(piece.text))
    return wrong(place + "it is of type BYTE, but names no byte");
  if (piece.type == SentencePiece::Byte && !file.byteFallback)
    return wrong(place + "it is of type BYTE, but trainer_spec.byte_fallback is false");
  if (piece.type == SentencePiece::Unused && !file.isUnigram)
    return refuse(place + "an unused piece of a model of type bpe is not supported");
  if (file.isUnigram && piece.text.size() > LMOPT_TOKENIZER_MAX_UNIGRAM)
    return refuse(place + "a piece of " + std::to_string(piece.text.size()) + " bytes; supported: up to " +
                  std::to_string(LMOPT_TOKENIZER_MAX_UNIGRAM));
  return {};
}

Result<void> FileReader::checkPieces() {
  std::unordered_set<std::string_view> texts;
  size_t unknown = 0, bytes = 0;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePiece &piece = file.pieces[id];
    if (Result<void> good = checkPiece(id); !good)
      return good;
    if (!texts.insert(piece.text).second)
      return wrong("piece " + std::to_string(id) + ", " + printable(piece.text) + ", is there twice");
    bytes += piece.type == SentencePiece::Byte;
    unknown += piece.type == SentencePiece::Unknown;
    if (piece.type == SentencePiece::Unknown)
      file.unknown = static_cast<uint32_t>(id);
  }
  if (unknown != 1)
    return wrong(std::to_string(unknown) + " pieces of type UNKNOWN; expected one");
  if (file.byteFallback && bytes != 256)
    return wrong("trainer_spec.byte_fallback with " + std::to_string(bytes) + " pieces of type BYTE; expected 256");
  if (!file.charsmap.empty() && !isCharsmap(file.charsmap))
    return wrong("normalizer_spec.precompiled_charsmap is no table of SentencePiece: it is not as long as it says");
  return {};
}

Result<SentencePieceFile> FileReader::read(std::string_view bytes) {
  if (Result<void> done = each(bytes, "the model", [&](const WireField &field) { return model(field); }); !done)
    return done.error();
  if (Result<void> checked = checkPieces(); !checked)
    return checked.error();
  return std::move(file);
}

Result<SentencePieceFile> lmopt::readSentencePieceFile(std::string_view bytes, const std::string &path) {
  return FileReader(path).read(bytes);
}
