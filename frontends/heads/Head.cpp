// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Head.h: what several heads read alike. From: transformers' PretrainedConfig and
// sentence-transformers' CrossEncoder. Tested by test/unit/frontends/HeadsTest.cpp.
#include "frontends/heads/Head.h"

#include "files/File.h"

#include <algorithm>
#include <charconv>
#include <map>

using namespace lmopt;
using nlohmann::json;

static constexpr int64_t kMaxLabels = 1 << 20;

const std::vector<Head> &lmopt::allHeads() {
  static const std::vector<Head> heads = {
#define HEAD(NAME) describe##NAME(),
#include "frontends/heads/AllHeads.inc"
#undef HEAD
  };
  return heads;
}

const Head &lmopt::headOf(std::string_view task) {
  const std::vector<Head> &all = allHeads();
  return *std::find_if(all.begin(), all.end(), [&](const Head &head) { return head.task == task; });
}

FieldTable lmopt::labelFields() {
  return {{"id2label", FieldUse::Read, "the labels of the classes; LABEL_0, LABEL_1, ... when missing"},
          {"num_labels", FieldUse::Read, "how many classes there are when id2label is missing; 2 when both are"}};
}

/// The number that a key of id2label is; empty for other texts.
static std::optional<int64_t> classOf(const std::string &key) {
  int64_t number = -1;
  auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  bool whole = error == std::errc() && end == key.data() + key.size() && number >= 0 && number < kMaxLabels;
  return whole ? std::optional<int64_t>(number) : std::nullopt;
}

/// {"0": "a", "1": "b"}: every class from 0 on has one label.
static std::vector<std::string> readNamedLabels(JsonFields &fields, const json &names) {
  std::map<int64_t, std::string> labels;
  bool good = names.is_object() && !names.empty();
  for (auto entry = names.begin(); good && entry != names.end(); ++entry) {
    std::optional<int64_t> number = classOf(entry.key());
    good = number && entry->is_primitive() && !entry->is_null();
    if (good)
      labels[*number] = entry->is_string() ? entry->get<std::string>() : entry->dump();
  }
  good = good && labels.size() == names.size() && labels.rbegin()->first == int64_t(labels.size()) - 1;
  if (!good)
    fields.fail("id2label", "expected an object with one text for each class, 0, 1, 2 and so on");
  std::vector<std::string> list;
  for (auto &[number, label] : labels)
    list.push_back(label);
  return list;
}

std::vector<std::string> lmopt::readLabels(JsonFields &fields) {
  std::optional<int64_t> count = fields.integer("num_labels", 1, kMaxLabels);
  std::vector<std::string> labels;
  if (const json *names = fields.value("id2label"))
    labels = readNamedLabels(fields, *names);
  else
    for (int64_t i = 0; i < count.value_or(2); ++i)
      labels.push_back("LABEL_" + std::to_string(i));
  if (fields.ok() && count && *count != int64_t(labels.size()))
    fields.fail("num_labels", "is " + std::to_string(*count) + ", but id2label has " + std::to_string(labels.size()));
  return labels;
}

const char *lmopt::scoreActivationOf(std::string_view pythonClass) {
  if (pythonClass.substr(0, 6) != "torch.")
    return nullptr;
  std::string_view name = pythonClass.substr(pythonClass.rfind('.') + 1);
  return name == "Identity" ? "none" : name == "Sigmoid" ? "sigmoid" : name == "Softmax" ? "softmax" : nullptr;
}

void lmopt::readScoreActivation(JsonFields &fields, const char *field, HeadConfig &head) {
  std::optional<std::string> name = fields.string(field);
  if (!name)
    return;
  const char *activation = scoreActivationOf(*name);
  if (!activation)
    return fields.fail(field,
                       printable(*name) + " is not supported; supported are torch's Identity, Sigmoid and Softmax",
                       kErrorUnsupported);
  head.scoreActivation = activation;
}
