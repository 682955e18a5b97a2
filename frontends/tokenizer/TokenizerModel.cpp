// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads tokenizer.model (SentencePieceFile.h) with the files beside it, for folders without tokenizer.json: a text is
// cut as sentencepiece cuts it, between the special tokens that transformers finds in it.
//
// Control pieces and tokens that other files name are found in the raw text, and each part between them is a text of
// its own, as in the slow tokenizers of transformers 4; user-defined pieces are found in the normalized text: BPE cuts
// at them, Unigram gives them a score that hardly anything beats. In: the bytes and tokenizer_config.json. Out: the
// blob. Tested by test/unit/tokenizer/ModelFileTest.cpp and, against sentencepiece, by
// test/tools/sentencepiece_parity.py.
#include "frontends/tokenizer/SentencePieceFile.h"

#include "files/File.h"
#include "frontends/tokenizer/TokenizerFields.h"
#include "frontends/tokenizer/TokenizerReading.h"
#include "runtime/src/tokenizer/internal.h"

#include <cstdlib>

using namespace lmopt;
using nlohmann::json;

//===- Pieces ----------------------------------------------------------------------------------------------------===//

/// Whether the table of replacements leaves the text as it is.
static bool isKept(const SentencePieceFile &file, const std::string &text) {
  const uint32_t steps[] = {LMOPT_NORMALIZE_LONGEST, 0};
  auto view = [](const void *data, size_t size) { return lmopt_bytes_t{static_cast<const uint8_t *>(data), size}; };
  lmopt_normalizer_t normalizer = {
      view(steps, sizeof(steps)), {}, {}, view(file.charsmap.data(), file.charsmap.size()), 0};
  lmopt_buffer_t out = {};
  bool done = lmopt_normalize_text(&normalizer, view(text.data(), text.size()), &out, nullptr) != 0;
  bool same = done && std::string_view(reinterpret_cast<const char *>(out.data), out.size) == text;
  free(out.data);
  return same;
}

/// What sentencepiece scores a user-defined piece with, above all normal ones: a longer one wins over two shorter ones.
static float userDefinedScore(const std::string &text) {
  return static_cast<float>(0.1 * static_cast<double>(text.size() - 1));
}

/// Sought where blanks are U+2581 already; sentencepiece keeps them from the normalizer, so it must not change them.
Result<void> JsonTokenizer::addUserDefined(const SentencePieceFile &file, uint32_t id) {
  const std::string &text = file.pieces[id].text;
  bool kept = isKept(file, text) && !(file.removeExtraWhitespaces && text.find("  ") != std::string::npos);
  if (!kept)
    return unsupported(path + ": the user-defined piece " + printable(text) +
                       " is one that the normalizer changes, which is not supported");
  if (file.isUnigram) {
    spec.scores[id] = userDefinedScore(text);
    return {};
  }
  spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_ADDED;
  spec.added.push_back({id, text, 0, /*normalized=*/true, /*textIsNormalized=*/true});
  return {};
}

Result<void> JsonTokenizer::readPieces(const SentencePieceFile &file) {
  std::vector<bool> counts;
  for (const SentencePiece &piece : file.pieces) {
    ids.emplace(piece.text, static_cast<uint32_t>(spec.pieces.size()));
    spec.pieces.push_back(piece.text);
    spec.scores.push_back(piece.score);
    counts.push_back(piece.type == SentencePiece::Normal);
  }
  modelTokens = spec.pieces.size();
  spec.tokenFlags.resize(modelTokens);
  for (uint32_t id = 0; id < modelTokens; ++id) {
    const SentencePiece &piece = file.pieces[id];
    if (piece.type == SentencePiece::Byte)
      markByteToken(spec, id);
    if (piece.type == SentencePiece::Unused)
      spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_ADDED; // never found
    if (piece.type == SentencePiece::UserDefined)
      if (Result<void> added = addUserDefined(file, id); !added)
        return added;
    if (piece.type != SentencePiece::Control && piece.type != SentencePiece::Unknown)
      continue;
    spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_ADDED | LMOPT_TOKEN_FLAG_SPECIAL;
    spec.added.push_back({id, piece.text, LMOPT_ADDED_SPECIAL, /*normalized=*/false});
  }
  if (file.isUnigram)
    setUnknownScore(spec, counts);
  return {};
}

//===- Rules -----------------------------------------------------------------------------------------------------===//

/// `first`: only the beginning of the whole text gets a blank ("legacy": false).
void JsonTokenizer::setPieceRules(const SentencePieceFile &file, bool first) {
  spec.kind = file.isUnigram ? LMOPT_TOKENIZER_UNIGRAM : LMOPT_TOKENIZER_SCORED;
  spec.flags = LMOPT_TOKENIZER_SENTENCEPIECE | (file.byteFallback ? LMOPT_TOKENIZER_BYTE_FALLBACK : 0u) |
               (file.escapeWhitespaces ? LMOPT_TOKENIZER_METASPACE : 0u);
  spec.unknown = static_cast<int32_t>(file.unknown);
  spec.charsmap = file.charsmap;
  if (!file.charsmap.empty())
    spec.normalizer.push_back(LMOPT_NORMALIZE_LONGEST);
  spec.normalizer.push_back(NormalizerStep::spaces(
      (file.addDummyPrefix ? LMOPT_SPACES_PREFIX : 0u) | (file.removeExtraWhitespaces ? LMOPT_SPACES_SQUEEZE : 0u) |
      (file.escapeWhitespaces ? LMOPT_SPACES_ESCAPE : 0u) | (first ? LMOPT_SPACES_FIRST : 0u)));
}

/// Llama's and Gemma's slow tokenizers put a token before each text, and one behind it where they are told to.
Result<void> JsonTokenizer::framePieces(bool addBos, bool addEos) {
  const std::tuple<bool, lmopt_token_role_t, const char *> ends[] = {{addBos, LMOPT_TOKEN_BOS, "bos_token"},
                                                                     {addEos, LMOPT_TOKEN_EOS, "eos_token"}};
  for (const auto &[wanted, role, name] : ends) {
    if (wanted && spec.roles[role] < 0)
      return unsupported(path + ": the tokenizer adds its " + name + " to each text, but there is no such token");
    if (wanted)
      spec.frame.insert(role == LMOPT_TOKEN_BOS ? spec.frame.begin() : spec.frame.end(), spec.roles[role]);
  }
  spec.pairFrame.clear();
  return {};
}

Result<TokenizerSpec> JsonTokenizer::read(const SentencePieceFile &file, const json &config,
                                          const SpecialTokens &special) {
  const json none = json::object();
  const std::string configPath = folderOf(path) + "tokenizer_config.json";
  JsonFields fields(config.is_object() ? config : none, configPath);
  bool prefix = fields.boolean("add_prefix_space").value_or(file.addDummyPrefix);
  bool legacy = fields.boolean("legacy").value_or(true);
  bool addBos = fields.boolean("add_bos_token").value_or(true);
  bool addEos = fields.boolean("add_eos_token").value_or(false);
  if (!fields.ok())
    return fields.error();
  if (prefix != file.addDummyPrefix)
    return unsupported(configPath + ": field 'add_prefix_space' contradicts tokenizer.model");
  if (Result<void> result = readPieces(file); !result)
    return result.error();
  setPieceRules(file, /*first=*/!legacy);
  for (const NamedToken &token : special.tokens)
    if (Result<void> result = addNamed(token); !result)
      return result.error();
  readRoles(special);
  if (Result<void> result = framePieces(addBos, addEos); !result)
    return result.error();
  if (Result<void> result = readEndTokens(); !result)
    return result.error();
  if (Result<void> result = readSwitches(json::object(), config); !result)
    return result.error();
  return std::move(spec);
}

//===- Entry -----------------------------------------------------------------------------------------------------===//

/// Without a class in the files, transformers takes that of the kind of model.
static Result<TokenizerClass> pieceClass(const json &config, const TokenizerContext &context,
                                         const std::string &configPath) {
  TokenizerContext named = context;
  bool hasClass = config.is_object() && config.contains("tokenizer_class") && !config["tokenizer_class"].is_null();
  if (!hasClass && named.tokenizerClass.empty()) {
    for (const char *type : {"llama", "mistral", "mixtral", "phi3"})
      if (context.modelType == type)
        named.tokenizerClass = "LlamaTokenizer";
    if (context.modelType.rfind("gemma", 0) == 0)
      named.tokenizerClass = "GemmaTokenizer";
  }
  Result<TokenizerClass> found = findTokenizerClass(json::object(), config, named, configPath);
  if (!found || found->kind == ClassKind::LlamaPieces || found->kind == ClassKind::Gemma)
    return found;
  return unsupported(configPath + ": tokenizer_class " + printable(found->name) +
                     " with tokenizer.model is not supported; supported: LlamaTokenizer, GemmaTokenizer; for others "
                     "save the tokenizer as tokenizer.json (AutoTokenizer.from_pretrained(...).save_pretrained(...))");
}

static Result<void> checkSampling(const json &config, const std::string &configPath) {
  auto found = config.is_object() ? config.find("sp_model_kwargs") : config.end();
  if (!config.is_object() || found == config.end() || found->is_null() || found->empty())
    return {};
  return unsupported(configPath + ": field 'sp_model_kwargs' has other ids drawn at random; supported: {}");
}

Result<std::string> lmopt::buildTokenizerFromModel(std::string_view bytes, std::string_view configText,
                                                   const TokenizerOptions &options) {
  std::string folder = folderOf(options.path), configPath = folder + "tokenizer_config.json";
  Result<SentencePieceFile> file = readSentencePieceFile(bytes, options.path);
  if (!file)
    return file.error();
  Result<json> config = readTokenizerConfig(configText, configPath);
  if (!config)
    return config.error();
  if (Result<void> checked = checkSampling(*config, configPath); !checked)
    return checked.error();
  Result<TokenizerClass> found = pieceClass(*config, options.context, configPath);
  if (!found)
    return found.error();
  Result<SpecialTokens> special = readSpecialTokens(*config, options.context, *found, folder);
  if (!special)
    return special.error();
  Result<TokenizerSpec> spec = JsonTokenizer(options).read(*file, *config, *special);
  if (!spec)
    return spec.error();
  if (Result<void> fits = fitVocabulary(*spec, options.vocabulary, options.path); !fits)
    return fits.error();
  return writeTokenizerBlob(*spec, options.path);
}
