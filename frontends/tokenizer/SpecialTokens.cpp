// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of SpecialTokens.h.
#include "frontends/tokenizer/SpecialTokens.h"

#include "files/File.h"
#include "frontends/tokenizer/TokenizerFields.h"
#include "lmopt/tokenizer_format.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

using namespace lmopt;
using nlohmann::json;

/// In the order in which transformers adds them.
static constexpr const char *kRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                         "pad_token", "cls_token", "mask_token"};

static bool isRole(const std::string &name) {
  return std::find(std::begin(kRoles), std::end(kRoles), name) != std::end(kRoles);
}

Result<NamedToken> lmopt::readNamedToken(const json &entry, const std::string &path, const std::string &place,
                                         bool special) {
  NamedToken token;
  if (entry.is_string()) {
    token.text = entry.get<std::string>();
    token.flags = special ? LMOPT_ADDED_SPECIAL : 0u;
    token.normalized = !special;
    return token;
  }
  if (Result<void> known = checkTokenizerFields(entry, addedTokenFields(), path, place); !known)
    return known.error();
  JsonFields fields(entry, path, place);
  const std::pair<const char *, uint32_t> kFlags[] = {
      {"lstrip", LMOPT_ADDED_LSTRIP}, {"rstrip", LMOPT_ADDED_RSTRIP}, {"single_word", LMOPT_ADDED_SINGLE_WORD}};
  token.text = fields.string("content").value_or("");
  for (const auto &[name, flag] : kFlags)
    token.flags |= fields.boolean(name).value_or(false) ? flag : 0u;
  special |= fields.boolean("special").value_or(false);
  token.flags |= special ? LMOPT_ADDED_SPECIAL : 0u;
  token.normalized = fields.boolean("normalized").value_or(!special);
  if (!fields.ok())
    return fields.error();
  return token;
}

namespace {
class Collector {
public:
  Collector(SpecialTokens &result, const std::string &folder) : result(result), folder(folder) {}

  Result<void> decoder(const json &list);
  /// `special`: extra tokens are special whatever they say of themselves.
  Result<void> named(const json &object, const std::string &path, bool special);
  Result<void> addedFile(const std::string &text);
  void standards(const TokenizerClass &tokenizerClass);
  void finish();

private:
  Result<void> list(const json &value, const std::string &path, const std::string &place, bool special);
  Result<void> extras(const json &object, const std::string &path, bool special);

  SpecialTokens &result;
  const std::string &folder;
  std::vector<NamedToken> entries, extra;
  std::vector<std::pair<std::string, NamedToken>> roles; // a later file replaces an earlier one's
  std::vector<std::string> nulls;                        // roles that a file sets to null
};
} // namespace

Result<void> Collector::decoder(const json &list) {
  std::string path = folder + "tokenizer_config.json";
  if (!list.is_object())
    return malformed(path + ": field 'added_tokens_decoder': expected an object of id: token");
  for (const auto &[key, value] : list.items()) {
    std::string place = "added_tokens_decoder." + key;
    char *end = nullptr;
    long id = strtol(key.c_str(), &end, 10);
    if (key.empty() || *end || id < 0 || id >= long(LMOPT_TOKENIZER_MAX_TOKENS) || !value.is_object())
      return malformed(path + ": field " + printable(place) + ": expected a token under its id");
    Result<NamedToken> token = readNamedToken(value, path, place, false);
    if (!token)
      return token.error();
    entries.push_back(*token);
    entries.back().id = id;
    entries.back().replaces = true;
  }
  return {};
}

Result<void> Collector::list(const json &value, const std::string &path, const std::string &place, bool special) {
  if (!value.is_array() && !value.is_object())
    return malformed(path + ": field " + printable(place) + ": expected a list of tokens");
  for (const json &entry : value) {
    Result<NamedToken> token = readNamedToken(entry, path, place, special || value.is_object() || entry.is_string());
    if (!token)
      return token.error();
    extra.push_back(*token);
  }
  return {};
}

/// The old name counts only where the new one says nothing.
Result<void> Collector::extras(const json &object, const std::string &path, bool special) {
  for (const char *field : {"model_specific_special_tokens", "extra_special_tokens", "additional_special_tokens"}) {
    auto found = object.find(field);
    bool old = std::string_view(field) == "additional_special_tokens";
    if (found == object.end() || found->is_null() || (old && !extra.empty()))
      continue;
    if (Result<void> read = list(*found, path, field, special); !read)
      return read;
  }
  return {};
}

/// Roles and other fields "..._token" that hold a token.
Result<void> Collector::named(const json &object, const std::string &path, bool special) {
  for (const auto &[name, value] : object.items()) {
    bool holds = value.is_string() || value.is_object();
    if (value.is_null() && isRole(name))
      nulls.push_back(name);
    if (!namesToken(name) || !holds) // add_bos_token is a switch
      continue;
    Result<NamedToken> token = readNamedToken(value, path, name, true);
    if (!token)
      return token.error();
    auto same = [&name = name](const auto &entry) { return entry.first == name; };
    if (auto found = std::find_if(roles.begin(), roles.end(), same); found != roles.end())
      found->second = *token;
    else
      roles.emplace_back(name, *token);
  }
  return extras(object, path, special);
}

Result<void> Collector::addedFile(const std::string &text) {
  std::string path = folder + "added_tokens.json";
  Result<json> file = parseJson(text, path);
  if (!file)
    return file.error();
  if (!file->is_object())
    return malformed(path + ": expected an object of token: id");
  for (const auto &[content, id] : file->items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= LMOPT_TOKENIZER_MAX_TOKENS || content.empty())
      return malformed(path + ": field " + printable(content) + ": expected the id of a token");
    auto is = [&content = content](const NamedToken &token) { return token.text == content; };
    bool special = std::any_of(extra.begin(), extra.end(), is) ||
                   std::any_of(roles.begin(), roles.end(), [&](const auto &role) { return is(role.second); });
    NamedToken token;
    token.text = content;
    token.flags = special ? LMOPT_ADDED_SPECIAL : 0u;
    token.normalized = !special;
    token.id = id.get<int64_t>();
    entries.push_back(token);
  }
  return {};
}

void Collector::standards(const TokenizerClass &tokenizerClass) {
  for (const auto &[name, text] : tokenizerClass.standardTokens) {
    auto same = [&name = name](const auto &entry) { return entry.first == name; };
    if (std::any_of(roles.begin(), roles.end(), same) || std::find(nulls.begin(), nulls.end(), name) != nulls.end())
      continue;
    NamedToken token;
    token.text = text;
    token.flags = LMOPT_ADDED_SPECIAL;
    token.onlyIfKnown = true;
    roles.emplace_back(name, token);
  }
}

void Collector::finish() {
  std::sort(entries.begin(), entries.end(),
            [](const NamedToken &a, const NamedToken &b) { return std::tie(a.id, a.text) < std::tie(b.id, b.text); });
  auto order = [](const std::string &name) {
    return std::make_pair(std::find(std::begin(kRoles), std::end(kRoles), name) - kRoles, name);
  };
  std::sort(roles.begin(), roles.end(), [&](const auto &a, const auto &b) { return order(a.first) < order(b.first); });
  result.tokens = std::move(entries);
  for (auto &[name, token] : roles) {
    result.roles[name] = token.text;
    result.tokens.push_back(token);
  }
  result.tokens.insert(result.tokens.end(), extra.begin(), extra.end());
}

Result<SpecialTokens> lmopt::readSpecialTokens(const json &config, const TokenizerContext &context,
                                               const TokenizerClass &tokenizerClass, const std::string &folder) {
  SpecialTokens result;
  Collector collector(result, folder);
  json none = json::object();
  const json &object = config.is_object() ? config : none;
  if (Result<void> read = collector.named(object, folder + "tokenizer_config.json", false); !read)
    return read.error();
  if (object.contains("added_tokens_decoder") && !object["added_tokens_decoder"].is_null()) {
    if (Result<void> read = collector.decoder(object["added_tokens_decoder"]); !read)
      return read.error();
  } else {
    std::string path = folder + "special_tokens_map.json";
    Result<json> map = context.specialTokens.empty() ? Result<json>(none) : parseJson(context.specialTokens, path);
    if (!map)
      return map.error();
    if (Result<void> known = checkTokenizerFields(*map, specialTokensFields(), path); !known)
      return known.error();
    if (Result<void> read = collector.named(*map, path, true); !read)
      return read.error();
    if (!context.addedTokens.empty())
      if (Result<void> read = collector.addedFile(context.addedTokens); !read)
        return read.error();
  }
  collector.standards(tokenizerClass);
  collector.finish();
  return result;
}
