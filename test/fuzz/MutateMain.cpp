// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a fuzz target without libFuzzer on mutations of text: the same ones every time, so that a ctest can do it.
//
// In: number of mutations, a seed, files or folders to start from. Out: exit code 0; an input on which the target dies
// is left in `crash-SEED-NUMBER` in the working directory. Mutations work on tokens (words, numbers, strings,
// brackets), as those of a parser must: they swap, repeat, drop and wrap them, take pieces of other files, and change
// numbers.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace fs = std::filesystem;
using Tokens = std::vector<std::string>;

static std::string current;  // what the target works on
static char currentName[64]; // where it goes when the target dies

static void keepInput(int signal) {
  int descriptor = ::open(currentName, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (descriptor >= 0)
    (void)!::write(descriptor, current.data(), current.size());
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// Also when the stack is full.
static void catchDeath() {
  static char stack[1 << 16];
  stack_t alternative = {};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof(stack);
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_handler = keepInput;
  action.sa_flags = SA_ONSTACK;
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM})
    ::sigaction(signal, &action, nullptr);
}

static bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; }

static Tokens split(std::string_view text) {
  Tokens tokens;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (isWord(text[i]))
      while (end < text.size() && isWord(text[end]))
        ++end;
    else if (text[i] == '"')
      end = std::min(text.find('"', end), text.size() - 1) + 1;
    tokens.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

namespace {
class Mutator {
public:
  Mutator(std::vector<Tokens> seeds, unsigned seed) : seeds(std::move(seeds)), random(seed) {}

  std::string next() {
    Tokens tokens = seeds[below(seeds.size())];
    for (size_t count = 1 + below(4); count > 0 && !tokens.empty(); --count)
      mutate(tokens);
    std::string text;
    for (const std::string &token : tokens)
      text += token;
    return text;
  }

private:
  std::vector<Tokens> seeds;
  std::mt19937 random;

  size_t below(size_t bound) { return bound ? random() % bound : 0; }

  /// A piece of a file, a few tokens long or many.
  Tokens piece(const Tokens &from) {
    size_t begin = below(from.size()), length = 1 + below(below(4) ? 8 : 200);
    return {from.begin() + begin, from.begin() + std::min(begin + length, from.size())};
  }

  std::string number() {
    static const char *const numbers[] = {"0",
                                          "-1",
                                          "1",
                                          "4294967296",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "1e400",
                                          "0x7fc00000",
                                          "18446744073709551616",
                                          "65537",
                                          "0.0",
                                          "?",
                                          "3"};
    return numbers[below(std::size(numbers))];
  }

  std::string wrapped(std::string text) {
    static const char *const pairs[][2] = {{"[", "]"},
                                           {"{", "}"},
                                           {"<", ">"},
                                           {"(", ")"},
                                           {"loc(", ")"},
                                           {"tuple<", ">"},
                                           {"module {", "}"},
                                           {"dense<", "> : tensor<1xi32>"},
                                           {"#lm.scale<", ", 2.0>"},
                                           {"{a = ", "}"},
                                           {"fused[", "]"},
                                           {"vector<2x", ">"},
                                           {"distinct[0]<", ">"}};
    auto &[open, close] = pairs[below(std::size(pairs))];
    for (size_t depth = below(3) ? 1 + below(4) : below(400); depth > 0; --depth)
      text = open + text + close;
    return text;
  }

  void mutate(Tokens &tokens) {
    size_t at = below(tokens.size());
    auto place = tokens.begin() + at;
    switch (below(8)) {
    case 0:
      std::swap(tokens[at], tokens[below(tokens.size())]);
      break;
    case 1: {
      Tokens own = piece(tokens);
      tokens.insert(tokens.begin() + at, own.begin(), own.end());
      break;
    }
    case 2:
      tokens.erase(place, place + std::min(1 + below(6), tokens.size() - at));
      break;
    case 3:
    case 4: {
      Tokens other = piece(seeds[below(seeds.size())]);
      tokens.insert(tokens.begin() + at, other.begin(), other.end());
      break;
    }
    case 5:
      for (size_t i = at; i < tokens.size(); ++i)
        if (std::isdigit(static_cast<unsigned char>(tokens[i][0]))) {
          tokens[i] = number();
          break;
        }
      break;
    case 6:
      tokens[at] = wrapped(tokens[at]);
      break;
    default:
      tokens[at][below(tokens[at].size())] = static_cast<char>(below(256));
    }
  }
};
} // namespace

static void read(const fs::path &path, std::vector<Tokens> &seeds) {
  std::ifstream stream(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!bytes.empty() && bytes.size() < (1 << 16))
    seeds.push_back(split(bytes));
}

static std::vector<Tokens> readSeeds(char **begin, char **end) {
  std::vector<fs::path> files;
  for (; begin != end; ++begin) {
    if (!fs::is_directory(*begin)) {
      files.emplace_back(*begin);
      continue;
    }
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(*begin))
      if (entry.is_regular_file())
        files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Tokens> seeds;
  for (const fs::path &file : files)
    read(file, seeds);
  return seeds;
}

int main(int argc, char **argv) {
  std::vector<Tokens> seeds;
  if (argc > 3)
    seeds = readSeeds(argv + 3, argv + argc);
  if (seeds.empty()) {
    std::fprintf(stderr, "usage: %s COUNT SEED FILE|DIRECTORY...\n", argv[0]);
    return 1;
  }
  catchDeath();
  Mutator mutator(std::move(seeds), static_cast<unsigned>(std::atoi(argv[2])));
  long count = std::atol(argv[1]);
  for (long i = 0; i < count; ++i) {
    current = mutator.next();
    std::snprintf(currentName, sizeof(currentName), "crash-%s-%ld", argv[2], i);
    ::alarm(60); // an endless run is a fault too
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(current.data()), current.size());
  }
  std::printf("%ld mutations of %s\n", count, argv[3]);
  return 0;
}
