// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of GgufSpecialTokens.h: tables of keys and spellings, and the corrections that follow from them.
#include "frontends/tokenizer/GgufSpecialTokens.h"

#include <algorithm>
#include <unordered_map>

using namespace lmopt;

namespace {
struct RoleKey {
  const char *key;
  int role;  // lmopt_token_role_t, or -1
  bool ends; // must be a token, and ends a text
};

constexpr RoleKey kRoleKeys[] = {
    {"tokenizer.ggml.bos_token_id", LMOPT_TOKEN_BOS, false},
    {"tokenizer.ggml.eos_token_id", LMOPT_TOKEN_EOS, true},
    {"tokenizer.ggml.unknown_token_id", LMOPT_TOKEN_UNK, false},
    {"tokenizer.ggml.padding_token_id", LMOPT_TOKEN_PAD, false},
    {"tokenizer.ggml.cls_token_id", LMOPT_TOKEN_CLS, false},
    {"tokenizer.ggml.seperator_token_id", LMOPT_TOKEN_SEP, false},
    {"tokenizer.ggml.separator_token_id", LMOPT_TOKEN_SEP, false},
    {"tokenizer.ggml.mask_token_id", LMOPT_TOKEN_MASK, false},
    {"tokenizer.ggml.eot_token_id", -1, true},
    {"tokenizer.ggml.eom_token_id", -1, true},
};

/// Tokens for infilling: by key, else by spelling. Some of them end a text.
struct InfillRole {
  std::vector<const char *> keys, spellings;
  bool ends;
};

/// Spellings that end a text wherever they occur.
constexpr std::string_view kEnds[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
    "[e~[",
};

/// Shown, and found in any text.
constexpr std::string_view kAlwaysText[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

class SpecialReader {
public:
  SpecialReader(const GgufFile &file, const std::vector<std::string_view> &tokens, std::vector<int64_t> &types,
                const GgufDefaultRoles &defaults, TokenizerSpec &spec);
  Result<void> read();

private:
  Result<std::optional<uint64_t>> key(const char *name) { return file.findUnsigned(name); }
  void setDefaults();
  Result<void> readKeys();
  Result<void> readInfill(const InfillRole &role);
  void readSpellings();
  int32_t find(std::string_view text) const;
  bool ends(std::string_view text) const;
  void end(int32_t id);
  void keepGoing(std::string_view text, int64_t type);
  void exceptions();

  const GgufFile &file;
  const std::vector<std::string_view> &tokens;
  std::vector<int64_t> &types;
  const GgufDefaultRoles &defaults;
  TokenizerSpec &spec;
  std::unordered_map<std::string_view, int32_t> ids; // of equal tokens the last counts
};
} // namespace

static const std::vector<InfillRole> &infillRoles() {
  static const std::vector<InfillRole> roles = {
      {{"fim_pre_token_id", "prefix_token_id"},
       {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<\uFF5Cfim\u2581begin\uFF5C>", "<PRE>", "\u2581<PRE>",
        "<|code_prefix|>", "<|prefix|>"},
       false},
      {{"fim_suf_token_id", "suffix_token_id"},
       {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<\uFF5Cfim\u2581hole\uFF5C>", "<SUF>", "\u2581<SUF>",
        "<|code_suffix|>", "<|suffix|>"},
       false},
      {{"fim_mid_token_id", "middle_token_id"},
       {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<\uFF5Cfim\u2581end\uFF5C>", "<MID>", "\u2581<MID>",
        "<|code_middle|>", "<|middle|>"},
       false},
      {{"fim_pad_token_id"}, {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}, true},
      {{"fim_rep_token_id"}, {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}, true},
      {{"fim_sep_token_id"}, {"<|file_sep|>"}, true},
  };
  return roles;
}

SpecialReader::SpecialReader(const GgufFile &file, const std::vector<std::string_view> &tokens,
                             std::vector<int64_t> &types, const GgufDefaultRoles &defaults, TokenizerSpec &spec)
    : file(file), tokens(tokens), types(types), defaults(defaults), spec(spec) {
  for (size_t id = 0; id < tokens.size(); ++id)
    ids[tokens[id]] = static_cast<int32_t>(id);
}

int32_t SpecialReader::find(std::string_view text) const {
  auto found = ids.find(text);
  return found == ids.end() ? -1 : found->second;
}

void SpecialReader::end(int32_t id) {
  if (std::find(spec.endTokens.begin(), spec.endTokens.end(), id) == spec.endTokens.end())
    spec.endTokens.push_back(id);
}

void SpecialReader::setDefaults() {
  auto exists = [&](int32_t id) { return id >= 0 && static_cast<size_t>(id) < tokens.size(); };
  for (auto [role, id] : {std::pair(LMOPT_TOKEN_BOS, defaults.bos), std::pair(LMOPT_TOKEN_EOS, defaults.eos),
                          std::pair(LMOPT_TOKEN_UNK, defaults.unknown)})
    if (exists(id))
      spec.roles[role] = id;
  if (exists(defaults.eos) && !file.find("tokenizer.ggml.eos_token_id"))
    end(defaults.eos);
}

Result<void> SpecialReader::readKeys() {
  setDefaults();
  for (const RoleKey &row : kRoleKeys) {
    Result<std::optional<uint64_t>> id = key(row.key);
    if (!id)
      return id.error();
    if (!*id)
      continue;
    bool exists = **id < tokens.size();
    if (!exists && row.ends)
      return malformed(file.path() + ": metadata key '" + row.key + "': " + std::to_string(**id) +
                       " is not one of the " + std::to_string(tokens.size()) + " tokens");
    if (exists && row.role >= 0)
      spec.roles[row.role] = static_cast<int32_t>(**id);
    if (row.ends)
      end(static_cast<int32_t>(**id));
  }
  return {};
}

Result<void> SpecialReader::readInfill(const InfillRole &role) {
  for (const char *name : role.keys) {
    Result<std::optional<uint64_t>> id = key((std::string("tokenizer.ggml.") + name).c_str());
    if (!id)
      return id.error();
    if (!*id || **id >= tokens.size())
      continue;
    if (role.ends)
      end(static_cast<int32_t>(**id));
    return {};
  }
  for (const char *spelling : role.spellings)
    if (int32_t id = find(spelling); id >= 0) {
      types[id] = kGgufControl;
      if (role.ends)
        end(id);
    }
  return {};
}

void SpecialReader::readSpellings() {
  for (std::string_view spelling : kEnds)
    if (int32_t id = find(spelling); id >= 0) {
      types[id] = kGgufControl;
      end(id);
    }
  for (std::string_view spelling : kAlwaysText)
    if (int32_t id = find(spelling); id >= 0)
      types[id] = kGgufUserDefined;
}

bool SpecialReader::ends(std::string_view text) const {
  int32_t id = find(text);
  return id >= 0 && std::find(spec.endTokens.begin(), spec.endTokens.end(), id) != spec.endTokens.end();
}

void SpecialReader::keepGoing(std::string_view text, int64_t type) {
  int32_t id = find(text);
  if (id < 0)
    return;
  types[id] = type;
  spec.endTokens.erase(std::remove(spec.endTokens.begin(), spec.endTokens.end(), id), spec.endTokens.end());
}

/// Families in which a spelling of the list means something else.
void SpecialReader::exceptions() {
  bool calls = ends("<|call|>") || ends("<|calls|>");
  if (ends("<|end|>") && calls && (ends("<|return|>") || ends("<|flush|>")))
    keepGoing("<|end|>", kGgufUserDefined); // ends a part of an answer
  if (ends("</s>") && (ends("<|tool_response>") || ends("<|plamo:eos|>")))
    keepGoing("</s>", kGgufNormal);
}

Result<void> SpecialReader::read() {
  if (Result<void> keys = readKeys(); !keys)
    return keys;
  for (const InfillRole &role : infillRoles())
    if (Result<void> infill = readInfill(role); !infill)
      return infill;
  readSpellings();
  exceptions();
  return {};
}

Result<void> lmopt::readGgufSpecialTokens(const GgufFile &file, const std::vector<std::string_view> &tokens,
                                          std::vector<int64_t> &types, const GgufDefaultRoles &defaults,
                                          TokenizerSpec &spec) {
  return SpecialReader(file, tokens, types, defaults, spec).read();
}
