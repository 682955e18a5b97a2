// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TensorNames.h. Tested by test/unit/frontends/families/*Test.cpp.
#include "frontends/families/TensorNames.h"

#include <algorithm>
#include <optional>

using namespace lmopt;

/// What the '*' of a pattern stands for in a name, empty for a pattern without one; nothing where they do not fit.
static std::optional<std::string_view> matched(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == pattern.npos)
    return name == pattern ? std::optional(std::string_view()) : std::nullopt;
  std::string_view begin = pattern.substr(0, star), end = pattern.substr(star + 1);
  bool fits = name.size() >= begin.size() + end.size() && name.substr(0, begin.size()) == begin &&
              name.substr(name.size() - end.size()) == end;
  return fits ? std::optional(name.substr(star, name.size() - begin.size() - end.size())) : std::nullopt;
}

static std::string replaced(const TensorNames::Pairs &pairs, std::string_view part) {
  for (auto [ours, theirs] : pairs)
    if (std::optional<std::string_view> between = matched(ours, part)) {
      std::string name = theirs;
      size_t star = name.find('*');
      return star == name.npos ? name : name.replace(star, 1, *between);
    }
  return std::string(part);
}

std::string TensorNames::translate(std::string_view name) const {
  constexpr std::string_view ourLayers = "layers.";
  size_t end = name.rfind('.'); // ".weight" or ".bias"
  if (end == name.npos)
    return std::string(name);
  std::string_view part = name.substr(0, end), kind = name.substr(end);
  if (part.substr(0, ourLayers.size()) != ourLayers)
    return replaced(whole, part).append(kind);
  part.remove_prefix(ourLayers.size());
  size_t number = std::min(part.find('.'), part.size() - 1) + 1; // "3."
  return layers + std::string(part.substr(0, number)).append(replaced(parts, part.substr(number))).append(kind);
}

bool lmopt::fitsAny(const std::vector<const char *> &patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const char *pattern) { return matched(pattern, name).has_value(); });
}
