// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two tokenizers, the same bytes; see CommonChunks.h.
#include "tools/lmopt/CommonChunks.h"

#include <algorithm>

namespace lmopt::driver {

namespace {
struct Place {
  Cut tokens;
  size_t byte;
};
} // namespace

/// Where tokens of both end, from the beginning of the text on. Tokens without bytes belong to what is before them.
static std::vector<Place> commonPlaces(const std::vector<size_t> &first, const std::vector<size_t> &second) {
  std::vector<Place> places = {{{0, 0}, 0}};
  for (size_t i = 0, j = 0; i < first.size() && j < second.size();) {
    size_t byte = std::max(first[i], second[j]);
    if (first[i] == second[j]) {
      while (i < first.size() && first[i] == byte)
        ++i;
      while (j < second.size() && second[j] == byte)
        ++j;
      places.push_back({{i, j}, byte});
    } else {
      ++(first[i] < second[j] ? i : j);
    }
  }
  return places;
}

static size_t tokensBetween(const Place &from, const Place &to) {
  return std::max(to.tokens[0] - from.tokens[0], to.tokens[1] - from.tokens[1]);
}

/// The last place from `begin` on that is at most so many tokens away.
static size_t farthest(const std::vector<Place> &places, size_t begin, size_t tokens) {
  size_t at = begin;
  while (at + 1 < places.size() && tokensBetween(places[begin], places[at + 1]) <= tokens)
    ++at;
  return at;
}

std::vector<CommonChunk> cutCommonChunks(const std::array<std::vector<size_t>, 2> &ends, size_t context) {
  std::vector<Place> places = commonPlaces(ends[0], ends[1]);
  std::vector<CommonChunk> chunks;
  for (size_t begin = 0; begin + 1 < places.size();) {
    size_t end = farthest(places, begin, context), middle = farthest(places, begin, context / 2);
    bool full = end + 1 < places.size() || tokensBetween(places[begin], places[end]) == context;
    if (middle > begin && end > middle && full)
      chunks.push_back(
          {places[begin].tokens, places[middle].tokens, places[end].tokens, places[end].byte - places[middle].byte});
    begin = std::max(end, begin + 1);
  }
  return chunks;
}

} // namespace lmopt::driver
