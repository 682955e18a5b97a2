// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which units of inputs go, and what is left; see ColumnPruning.h. Cost for n inputs of which all may go and d results:
// some n^2 (n + d) products a linear.
#include "passes/analysis/ColumnPruning.h"

#include "passes/analysis/NarrowLinear.h"

#include "mlir/IR/Threading.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/FileSystem.h"

#include <numeric>
#include <random>

using namespace mlir;

namespace lmopt::lm {

static size_t at(int64_t i) { return static_cast<size_t>(i); }
static double square(double x) { return x * x; }

std::vector<int64_t> PrunedLinear::keptColumns() const {
  std::vector<int64_t> columns;
  for (int64_t unit : kept)
    columns.insert(columns.end(), units[at(unit)].columns.begin(), units[at(unit)].columns.end());
  llvm::sort(columns);
  return columns;
}

LogicalResult PruneOptions::check(ModuleOp module) const {
  auto error = [&] { return module.emitError() << pass << ": option "; };
  if (stats.empty())
    return error() << "'stats' is missing; expected a file made by `lmopt calibrate`";
  if (!(ratio > 0 && ratio < 1))
    return error() << "'ratio' must be between 0 and 1, found " << ratio;
  if (!(damping > 0 && damping < 1e6))
    return error() << "'damping' must be positive, found " << damping;
  if (!llvm::is_contained({"obs", "energy", "magnitude", "random"}, method))
    return error() << "'method' must be obs, energy, magnitude or random, found '" << method << "'";
  if (!llvm::is_contained({"uniform", "global"}, budget))
    return error() << "'budget' must be uniform or global, found '" << budget << "'";
  if (isGlobal() && !llvm::is_contained({"obs", "energy"}, method))
    return error() << "'budget=global' compares errors of blocks; expected method obs or energy, found '" << method
                   << "'";
  return success();
}

FailureOr<ColumnPruning> ColumnPruning::create(ModuleOp module, PruneOptions options) {
  if (failed(options.check(module)))
    return failure();
  FailureOr<Statistics> statistics = Statistics::open(module, options.stats);
  if (failed(statistics))
    return failure();
  return ColumnPruning(module, std::move(options), std::move(*statistics));
}

ColumnPruning::ColumnPruning(ModuleOp module, PruneOptions options, Statistics statistics)
    : context(module.getContext()), options(std::move(options)), statistics(std::move(statistics)), uses(module),
      reader(
          std::make_shared<WeightReader>(this->options.base.empty() ? moduleDirectory(module) : this->options.base)) {}

std::vector<PrunedLinear> ColumnPruning::find(ModuleOp module, const LayerSelection &selection) {
  FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
  llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *all);
  std::vector<PrunedLinear> found;
  for (LinearOp linear : findOps<LinearOp>(module)) {
    auto input = llvm::find_if(observed, [&](const ObservedValue &value) { return value.value == linear.getInput(); });
    if (selection.contains(linear) && input != observed.end())
      found.emplace_back(linear, *input);
  }
  return found;
}

LogicalResult ColumnPruning::choose(llvm::ArrayRef<PrunedLinear *> linears) {
  if (failed(failableParallelForEach(context, linears, [&](PrunedLinear *linear) { return rank(*linear); })))
    return failure();
  if (options.isGlobal() && failed(shareBudget(linears)))
    return failure();
  return failableParallelForEach(context, linears, [&](PrunedLinear *linear) { return measure(*linear); });
}

FailureOr<ColumnPruning::Sources> ColumnPruning::read(const PrunedLinear &linear) {
  FailureOr<ValueStatistics> sums = statistics.read(linear.input);
  if (failed(sums))
    return failure();
  FailureOr<WeightData> weight = reader->read(uses.lookup(linear.weight()));
  if (failed(weight))
    return failure();
  return Sources{std::move(*weight), centredMoments(sums->products, sums->sums, sums->tokens)};
}

LogicalResult ColumnPruning::refuseMoments(const PrunedLinear &linear) {
  return LinearOp(linear.linear).emitError()
         << options.pass << ": the statistics of '" << linear.input.name
         << "' have moments that are not finite or not positive definite; calibrate again";
}

//===- Order -----------------------------------------------------------------------------------------------------===//

namespace {

/// Takes units off one after another and keeps the books.
class Ranking {
public:
  Ranking(PrunedLinear &linear, bool forWork) : linear(linear), forWork(forWork), left(linear.units.size()) {
    std::iota(left.begin(), left.end(), 0);
    for (const PruneUnit &unit : linear.units)
      if (unit.group >= 0)
        inGroup.resize(std::max(inGroup.size(), at(unit.group) + 1));
    for (const PruneUnit &unit : linear.units)
      if (unit.group >= 0)
        ++inGroup[at(unit.group)];
    linear.order.clear();
    linear.lost = {0};
    linear.work = {0};
  }

  /// What is left when as many have gone as may: at least one unit, in whole multiples.
  bool isDone() const {
    int64_t least = forWork ? std::min<int64_t>(linear.multiple, int64_t(linear.units.size())) : linear.leave;
    return int64_t(left.size()) <= least;
  }

  /// The unit of the least cost, for each multiply-add saved if that is the budget.
  std::pair<int64_t, double> cheapest(llvm::function_ref<double(int64_t)> cost) const {
    int64_t best = left.front();
    double leastCost = INFINITY, leastPrice = INFINITY;
    for (int64_t unit : left) {
      double one = cost(unit), price = forWork ? one / double(saves(unit)) : one;
      if (price < leastPrice)
        best = unit, leastCost = one, leastPrice = price;
    }
    return {best, leastCost};
  }

  void take(int64_t unit, double lost) {
    linear.work.push_back(linear.work.back() + saves(unit));
    linear.lost.push_back(linear.lost.back() + lost);
    linear.order.push_back(unit);
    left.erase(std::lower_bound(left.begin(), left.end(), unit));
    if (int64_t group = linear.units[at(unit)].group; group >= 0)
      --inGroup[at(group)];
  }

private:
  PrunedLinear &linear;
  bool forWork;
  std::vector<int64_t> left, inGroup;

  int64_t saves(int64_t number) const {
    const PruneUnit &unit = linear.units[at(number)];
    return unit.work + (unit.group >= 0 && inGroup[at(unit.group)] == 1 ? linear.groupWork : 0);
  }
};

} // namespace

static void keepAllBut(PrunedLinear &linear, int64_t removed) {
  linear.kept.clear();
  llvm::SmallVector<bool> goes(linear.units.size());
  for (int64_t i = 0; i < removed; ++i)
    goes[at(linear.order[at(i)])] = true;
  for (int64_t unit = 0; unit < int64_t(linear.units.size()); ++unit)
    if (!goes[at(unit)])
      linear.kept.push_back(unit);
}

LogicalResult ColumnPruning::rank(PrunedLinear &linear) {
  FailureOr<Sources> sources = read(linear);
  if (failed(sources))
    return failure();
  if (failed(options.method == "obs" ? rankByLeastSquares(linear, *sources) : rankByScores(linear, *sources)))
    return failure();
  double all = resultPower(sources->weight.f32.data(), sources->weight.rows(), sources->moments);
  for (double &lost : linear.lost)
    lost = all > 0 ? lost / all : 0;
  keepAllBut(linear, int64_t(linear.order.size()));
  return success();
}

LogicalResult ColumnPruning::rankByLeastSquares(PrunedLinear &linear, const Sources &sources) {
  std::optional<ColumnRemoval> removal =
      ColumnRemoval::begin(sources.weight.f32.data(), sources.weight.rows(), sources.moments, options.damping);
  if (!removal)
    return refuseMoments(linear);
  for (Ranking ranking(linear, options.isGlobal()); !ranking.isDone();) {
    auto [unit, cost] = ranking.cheapest([&](int64_t i) { return removal->cost(linear.units[at(i)].columns); });
    if (!std::isfinite(cost))
      return refuseMoments(linear);
    removal->remove(linear.units[at(unit)].columns);
    ranking.take(unit, cost);
  }
  return success();
}

LogicalResult ColumnPruning::rankByScores(PrunedLinear &linear, const Sources &sources) {
  FailureOr<std::vector<double>> worth = scores(linear, sources);
  if (failed(worth))
    return failure();
  for (Ranking ranking(linear, options.isGlobal()); !ranking.isDone();) {
    auto [unit, score] = ranking.cheapest([&](int64_t i) { return (*worth)[at(i)]; });
    ranking.take(unit, std::isfinite(score) ? score : 0);
  }
  return success();
}

/// The letters of a name as a number that is the same in every run, unlike llvm::hash_value.
static uint64_t nameNumber(StringRef name) {
  uint64_t number = 0;
  for (char c : name)
    number = number * 131 + static_cast<unsigned char>(c);
  return number;
}

/// tr(W_R C_RR W_Rᵀ): the variance of what the columns add to the results.
static double energyOf(const std::vector<int64_t> &columns, const WeightData &weight, const SquareMatrix &moments) {
  double sum = 0;
  for (int64_t r = 0; r < weight.rows(); ++r) {
    const float *row = weight.f32.data() + r * weight.columns();
    for (int64_t i : columns)
      for (int64_t j : columns)
        sum += double(row[i]) * row[j] * moments.row(i)[j];
  }
  return sum;
}

/// What each unit is worth, by the simple methods.
FailureOr<std::vector<double>> ColumnPruning::scores(const PrunedLinear &linear, const Sources &sources) {
  if (options.method == "magnitude")
    return magnitudes(linear, sources.weight);
  std::vector<double> scores;
  std::mt19937_64 generator(nameNumber(linear.input.name));
  for (const PruneUnit &unit : linear.units)
    scores.push_back(options.method == "random" ? double(generator() >> 11)
                                                : energyOf(unit.columns, sources.weight, sources.moments));
  return scores;
}

/// The squares of the Frobenius norms of the columns of a unit, and of the rows of each linear that makes it,
/// multiplied.
FailureOr<std::vector<double>> ColumnPruning::magnitudes(const PrunedLinear &linear, const WeightData &weight) {
  std::vector<double> products;
  for (const PruneUnit &unit : linear.units) {
    double columns = 0;
    for (int64_t r = 0; r < weight.rows(); ++r)
      for (int64_t column : unit.columns)
        columns += square(weight.f32[at(r * weight.columns() + column)]);
    products.push_back(columns);
  }
  for (UnitMaker maker : linear.makers) {
    FailureOr<WeightData> matrix = reader->read(uses.lookup(maker.linear.getWeightAttr()));
    if (failed(matrix))
      return failure();
    for (size_t unit = 0; unit < products.size(); ++unit) {
      double rows = 0;
      for (int64_t row : maker.rows[unit])
        for (int64_t k = 0; k < matrix->columns(); ++k)
          rows += square(matrix->f32[at(row * matrix->columns() + k)]);
      products[unit] *= rows;
    }
  }
  return products;
}

//===- One budget for all ----------------------------------------------------------------------------------------===//

namespace {

/// A linear on its way down: how many units have gone, and the next ones that go together.
struct Descent {
  PrunedLinear *linear;
  int64_t removed = 0;

  int64_t next() const { // what is kept stays a multiple
    int64_t left = int64_t(linear->units.size()) - removed, rest = left % linear->multiple;
    return removed + (rest ? rest : linear->multiple);
  }
  bool isAtEnd() const { return next() > int64_t(linear->order.size()); }
  int64_t work() const { return linear->work[at(next())] - linear->work[at(removed)]; }
  double price() const { return (linear->lost[at(next())] - linear->lost[at(removed)]) / double(work()); }
};

} // namespace

/// The next units that go are those of the least loss for each multiply-add that is saved, until the share of all
/// multiply-adds is saved.
LogicalResult ColumnPruning::shareBudget(llvm::ArrayRef<PrunedLinear *> linears) {
  std::vector<Descent> descents;
  double all = 0, saved = 0;
  for (PrunedLinear *linear : linears) {
    descents.push_back({linear});
    llvm::SmallDenseSet<int64_t> groups;
    for (const PruneUnit &unit : linear->units) {
      all += double(unit.work);
      if (unit.group >= 0 && groups.insert(unit.group).second)
        all += double(linear->groupWork);
    }
  }
  while (saved < options.ratio * all) {
    Descent *best = nullptr;
    for (Descent &descent : descents)
      if (!descent.isAtEnd() && (!best || descent.price() < best->price()))
        best = &descent;
    if (!best)
      return linears.front()->linear->getParentOfType<ModuleOp>().emitError()
             << options.pass << ": option 'ratio': " << options.ratio << " of the multiply-adds were to go, but only "
             << saved / all << " can: something is kept of each block";
    saved += double(best->work());
    best->removed = best->next();
  }
  for (Descent &descent : descents)
    keepAllBut(*descent.linear, descent.removed);
  return success();
}

//===- What is left ----------------------------------------------------------------------------------------------===//

static std::vector<float> takeColumns(const WeightData &matrix, const std::vector<int64_t> &kept) {
  std::vector<float> taken;
  for (int64_t r = 0; r < matrix.rows(); ++r)
    for (int64_t column : kept)
      taken.push_back(matrix.f32[at(r * matrix.columns() + column)]);
  return taken;
}

/// The relative error of the results on the statistics.
LogicalResult ColumnPruning::measure(PrunedLinear &linear) {
  if (linear.kept.size() == linear.units.size())
    return success();
  FailureOr<Sources> sources = read(linear);
  if (failed(sources))
    return failure();
  const auto &[weight, moments] = *sources;
  std::vector<int64_t> kept = linear.keptColumns();
  std::vector<float> left = options.repair
                                ? refitColumns(weight.f32.data(), weight.rows(), moments, kept, options.damping)
                                : takeColumns(weight, kept);
  if (left.empty())
    return refuseMoments(linear);
  double all = resultPower(weight.f32.data(), weight.rows(), moments);
  double lost = lostPower(weight.f32.data(), weight.rows(), moments, kept, left);
  linear.error = all > 0 ? std::sqrt(std::max(0.0, lost) / all) : 0;
  return success();
}

//===- Rewrite ---------------------------------------------------------------------------------------------------===//

void ColumnPruning::narrow(const PrunedLinear &pruned) {
  LinearOp linear = pruned.linear;
  std::vector<int64_t> kept = pruned.keptColumns();
  ParamOp weight = uses.lookup(linear.getWeightAttr());
  Attribute source = weight.getValue();
  takeColumns(linear, kept, uses);
  weight.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, Real(pruned.error)));
  if (!options.repair)
    return;
  llvm::SmallString<128> file(options.stats);
  llvm::sys::fs::make_absolute(file);
  auto statisticsAttr = StatisticsAttr::get(context, file, pruned.input.name);
  auto refitted = RefitColumnsAttr::get(context, source, statisticsAttr, kept, Real(options.damping));
  weight.setValueAttr(refitted);
  FlatSymbolRefAttr bias = linear.getBiasAttr();
  uses.setBias(linear, RefitBiasAttr::get(context, refitted, bias ? uses.lookup(bias).getValue() : Attribute()));
  ParamOp made = uses.lookup(linear.getBiasAttr());
  made.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, std::nullopt));
}

} // namespace lmopt::lm
