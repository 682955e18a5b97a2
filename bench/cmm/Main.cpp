// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bench-cmm: milliseconds of a batch through a tree of neurons, in turns with the dense layer of all its neurons and
// with both by each BLAS that is named. Prints a line for each, the least of the rounds, and checks that the
// conditional ones agree.
#include "bench/cmm/Layers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

using namespace lmopt::bench;

namespace {

struct Options {
  Problem problem{16384, 768, 12, 1};
  std::vector<std::string> blas;
  std::string cpu = "native";
  int64_t threads = 1, rounds = 3;
  int64_t turns = 64; ///< when cold
  bool dense = true, cold = false;
};

[[noreturn]] void usage() {
  std::fprintf(stderr, "usage: bench-cmm [--batch N] [--width N] [--levels N] [--trees N] [--leaf-width N] "
                       "[--dense-neurons N] [--format "
                       "f32|bf16|s8] [--exact] "
                       "[--threads 1|2] [--rounds N] [--no-dense] [--cold] [--target-cpu NAME] "
                       "[--blas LIBRARY]...\n");
  std::exit(2);
}

Options parse(int argc, char **argv) {
  using lmopt::cpu::RowNumber;
  const std::map<std::string, RowNumber> formats = {
      {"f32", RowNumber::F32}, {"bf16", RowNumber::Bf16}, {"s8", RowNumber::S8}};
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string key = argv[i];
    if (key == "--no-dense" || key == "--cold" || key == "--exact") {
      (key == "--cold" ? options.cold : key == "--exact" ? options.problem.exact : options.dense) = key != "--no-dense";
      continue;
    }
    if (++i == argc)
      usage();
    std::string value = argv[i];
    int64_t number = 0; // stays so where there is none
    std::from_chars(value.data(), value.data() + value.size(), number);
    std::map<std::string, int64_t *> sizes = {{"--batch", &options.problem.batch},
                                              {"--width", &options.problem.width},
                                              {"--levels", &options.problem.levels},
                                              {"--trees", &options.problem.trees},
                                              {"--leaf-width", &options.problem.leafWidth},
                                              {"--dense-neurons", &options.problem.otherNeurons},
                                              {"--threads", &options.threads},
                                              {"--rounds", &options.rounds},
                                              {"--turns", &options.turns}};
    if (key == "--target-cpu")
      options.cpu = value;
    else if (key == "--blas")
      options.blas.push_back(value);
    else if (key == "--format" && formats.count(value))
      options.problem.format = formats.at(value);
    else if (auto size = sizes.find(key); size != sizes.end() && number > 0)
      *size->second = number;
    else
      usage();
  }
  if (options.threads > 2)
    usage();
  return options;
}

struct Contender {
  std::string name;
  std::function<void(int64_t)> run; ///< with the inputs of a turn
  std::vector<double> times = {};   ///< ms
  double best() const { return times.empty() ? 1e300 : *std::min_element(times.begin(), times.end()); }
  /// Where other inputs go other ways, the least is luck: the middle.
  double middle() const {
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

/// Reads more memory than caches hold, so that nothing of before is left there.
void forget() {
  static const std::vector<char> memory(size_t{96} << 20, 1);
  volatile const char *numbers = memory.data();
  for (size_t i = 0; i < memory.size(); i += 64)
    (void)numbers[i];
}

/// All turns, one after the other: the time of one.
void measure(Contender &contender, int64_t turns) {
  auto start = std::chrono::steady_clock::now();
  for (int64_t turn = 0; turn < turns; ++turn)
    contender.run(turn);
  std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  contender.times.push_back(took.count() / static_cast<double>(turns));
}

double largestDifference(const float *a, const float *b, size_t count) {
  double largest = 0;
  for (size_t i = 0; i < count; ++i)
    largest = std::max(largest, std::fabs(double(a[i]) - b[i]));
  return largest;
}
} // namespace

int main(int argc, char **argv) {
  Options options = parse(argc, argv);
  options.problem.turns = options.cold ? options.turns : 1;
  const Problem &problem = options.problem;
  KernelProgram program(options.cpu);
  std::unique_ptr<TreeLayer> tree;
  std::unique_ptr<LeafLayer> leaves;
  if (problem.leafWidth)
    leaves = std::make_unique<LeafLayer>(program, problem);
  else
    tree = std::make_unique<TreeLayer>(program, problem);
  std::unique_ptr<DenseLayer> dense;
  if (options.dense)
    dense = std::make_unique<DenseLayer>(program, problem);
  program.load();
  Data data(problem);
  leaves ? leaves->pack(data) : tree->pack(data);
  auto conditional = [&](int64_t turn) {
    leaves ? leaves->run(program, int(options.threads), turn) : tree->run(program, int(options.threads), turn);
  };
  std::vector<Contender> contenders{{"lmopt conditional", conditional}};
  if (dense) {
    dense->pack(data);
    contenders.push_back({"lmopt dense", [&](int64_t turn) { dense->run(program, int(options.threads), turn); }});
  }
  std::vector<std::unique_ptr<Blas>> libraries;
  std::vector<float> out(size_t(problem.batch * problem.width));
  std::vector<float> hidden(options.blas.empty() || !dense ? 0 : size_t(problem.batch * problem.neurons()));
  for (const std::string &file : options.blas) {
    libraries.push_back(std::make_unique<Blas>(file));
    const Blas &blas = *libraries.back();
    if (dense)
      contenders.push_back({file + " dense", [&](int64_t turn) { runDense(blas, problem, data, turn, hidden, out); }});
    if (tree)
      contenders.push_back(
          {file + " conditional", [&](int64_t turn) { runConditional(blas, problem, data, turn, out); }});
  }
  for (Contender &contender : contenders)
    contender.run(0); // warms up
  if (tree && !libraries.empty() && problem.format == lmopt::cpu::RowNumber::F32)
    std::printf("largest difference of the conditional ones: %.2e\n",
                largestDifference(reinterpret_cast<float *>(tree->out.data()), out.data(), out.size()));
  for (int64_t round = 0; round < options.rounds; ++round)
    for (Contender &contender : contenders)
      for (int again = 0; again < (contender.best() < 100 ? 5 : 1); ++again) {
        if (options.cold)
          forget();
        measure(contender, problem.turns);
      }
  std::printf("dense multiplications for one of the conditional: %.1f\n", problem.promised());
  std::printf("%-56s %10s %10s %9s\n", "", "least, ms", "middle", "ratio");
  auto time = [&](const Contender &contender) { return options.cold ? contender.middle() : contender.best(); };
  for (const Contender &contender : contenders)
    std::printf("%-56s %10.4f %10.4f %8.1fx\n", contender.name.c_str(), contender.best(), contender.middle(),
                time(contender) / time(contenders.front()));
}
