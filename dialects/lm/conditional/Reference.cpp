// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of neurons, gates, experts (in f32 and in codes) and the product without zeros; see Reference.h.

#include "dialects/lm/conditional/Reference.h"

#include "dialects/lm/elementwise/Reference.h"
#include "dialects/lm/linear/Reference.h"
#include "dialects/lm/quantize/Reference.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <tuple>

namespace lmopt::lm::reference {

/// W[n] x + b[n], rounded to f32 once. The sum is of four, k mod 4: code that looks at a decision again adds as this
/// does (codegen/cpu/conditional/Descent.cpp), so that the two are one number.
static float neuron(const float *x, const Weight &weight, const float *bias, int64_t n) {
  double sums[4] = {0, 0, 0, 0};
  for (int64_t k = 0; k < weight.columns; ++k)
    sums[k % 4] += double(x[k]) * double(weight.at(n, k));
  return float((sums[0] + sums[1]) + (sums[2] + sums[3]) + (bias ? double(bias[n]) : 0.0));
}

static bool goesRight(float a, bool tieRight) { return tieRight ? a >= 0 : a > 0; }

/// y += factor * row n.
static void addRow(std::vector<double> &y, double factor, const Weight &weight, int64_t n) {
  for (int64_t m = 0; m < weight.columns; ++m)
    y[m] += factor * double(weight.at(n, m));
}

static void storeRow(Tensor &y, int64_t r, const std::vector<double> &row) {
  std::copy(row.begin(), row.end(), y.f32.begin() + r * y.width());
}

static Tensor ofWidth(const Tensor &x, int64_t width) {
  std::vector<int64_t> shape = x.shape;
  shape.back() = width;
  return Tensor::ofF32(std::move(shape));
}

Tensor neuronTree(const Tensor &x, const NeuronTrees &trees) {
  Tensor y = ofWidth(x, trees.values.columns);
  const int64_t nodes = (int64_t{1} << trees.levels) - 1, width = x.width();
  for (int64_t r = 0; r < x.rows(); ++r) {
    std::vector<double> sums(static_cast<size_t>(y.width()));
    for (int64_t tree = 0; tree < trees.trees; ++tree)
      for (int64_t level = 0, node = 0; level < trees.levels; ++level) {
        int64_t n = tree * nodes + node;
        const float *row = &x.f32[r * width];
        float a = neuron(row, trees.weight, trees.bias, n);
        float value = trees.narrow ? neuron(row, *trees.narrow, trees.bias, n) : a;
        addRow(sums, apply(trees.kind, value), trees.values, n);
        node = 2 * node + 1 + (goesRight(a, trees.tieRight) ? 1 : 0);
      }
    storeRow(y, r, sums);
  }
  return y;
}

std::vector<float> leafCosts(const float *a, int64_t nodes, bool tieRight) {
  std::vector<float> costs(static_cast<size_t>(2 * nodes + 1));
  for (int64_t n = 0; n < nodes; ++n) {
    float magnitude = std::isnan(a[n]) ? 0 : std::fabs(a[n]);
    bool right = goesRight(a[n], tieRight);
    costs[2 * n + 1] = costs[n] + (right ? magnitude : 0);
    costs[2 * n + 2] = costs[n] + (right ? 0 : magnitude);
  }
  return {costs.begin() + nodes, costs.end()};
}

std::vector<int64_t> ascending(const std::vector<float> &keys) {
  std::vector<int64_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  auto place = [&](int64_t i) { return std::make_tuple(std::isnan(keys[i]), std::isnan(keys[i]) ? 0 : keys[i], i); };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return place(a) < place(b); });
  return order;
}

/// The leaf on whose way no node is left.
static int64_t reachedLeaf(const float *x, const Weight &weight, const float *bias, bool tieRight) {
  int64_t node = 0;
  while (node < weight.rows)
    node = 2 * node + 1 + (goesRight(neuron(x, weight, bias, node), tieRight) ? 1 : 0);
  return node - weight.rows;
}

Tensor treeGates(const Tensor &x, const Weight &weight, const float *bias, int64_t count, bool tieRight) {
  Tensor y = ofWidth(x, weight.rows + 1);
  for (int64_t r = 0; r < x.rows(); ++r) {
    const float *row = &x.f32[r * x.width()];
    float *gates = &y.f32[r * y.width()];
    if (count == 1) {
      gates[reachedLeaf(row, weight, bias, tieRight)] = 1;
      continue;
    }
    std::vector<float> numbers;
    for (int64_t n = 0; n < weight.rows; ++n)
      numbers.push_back(neuron(row, weight, bias, n));
    std::vector<int64_t> order = ascending(leafCosts(numbers.data(), weight.rows, tieRight));
    for (int64_t i = 0; i < count; ++i)
      gates[order[i]] = 1;
  }
  return y;
}

Tensor topGates(const Tensor &scores, int64_t count, std::string_view softmax) {
  Tensor y = Tensor::ofF32(scores.shape);
  const int64_t width = scores.width();
  for (int64_t r = 0; r < scores.rows(); ++r) {
    const float *s = &scores.f32[r * width];
    std::vector<float> keys(static_cast<size_t>(width));
    std::transform(s, s + width, keys.begin(), std::negate<>());
    std::vector<int64_t> order = ascending(keys);
    // "none": all gates are exp 0.
    bool ones = softmax == "none";
    double sum = 0;
    for (int64_t i = 0; i < (softmax == "all" ? width : count); ++i)
      sum += std::exp(double(s[order[i]]) - double(s[order[0]]));
    for (int64_t i = 0; i < count; ++i)
      y.f32[r * width + order[i]] = ones ? 1 : float(std::exp(double(s[order[i]]) - double(s[order[0]])) / sum);
  }
  return y;
}

/// What expert e gives for a row.
static std::vector<double> expert(const float *x, const Experts &experts, int64_t e, int64_t neurons) {
  std::vector<double> y(static_cast<size_t>(experts.values.columns));
  Weight up = experts.weight;
  up.f32 = experts.up;
  for (int64_t n = e * neurons; n < (e + 1) * neurons; ++n) {
    double h = apply(experts.kind, neuron(x, experts.weight, experts.bias, n));
    if (experts.up)
      h *= neuron(x, up, nullptr, n);
    addRow(y, h, experts.values, n);
  }
  for (int64_t m = 0; experts.valuesBias && m < experts.values.columns; ++m)
    y[m] += experts.valuesBias[e * experts.values.columns + m];
  return y;
}

Tensor experts(const Tensor &x, const Tensor &gates, const Experts &experts) {
  Tensor y = ofWidth(x, experts.values.columns);
  const int64_t neurons = experts.weight.rows / gates.width();
  for (int64_t r = 0; r < x.rows(); ++r) {
    std::vector<double> sums(static_cast<size_t>(y.width()));
    for (int64_t e = 0; e < gates.width(); ++e) {
      float gate = gates.f32[r * gates.width() + e];
      if (gate == 0)
        continue;
      std::vector<double> added = expert(&x.f32[r * x.width()], experts, e, neurons);
      for (size_t m = 0; m < sums.size(); ++m)
        sums[m] += double(gate) * added[m];
    }
    storeRow(y, r, sums);
  }
  return y;
}

/// The rows of expert e, of so many in all.
static Weight matrixOf(Weight all, int64_t e, int64_t experts) {
  all.rows /= experts;
  int64_t codes = e * all.rows * all.columns, groups = codes / all.group;
  all.codes += codes;
  all.scales += groups;
  all.minima = all.minima ? all.minima + groups : nullptr;
  return all;
}

/// Row r alone.
static Quantized rowOf(const Quantized &x, int64_t r) {
  Quantized row;
  row.codes.shape = {1, 1, x.codes.width()};
  row.scale.shape = {1, 1, x.scale.width()};
  auto codes = x.codes.s8.begin() + r * x.codes.width();
  auto scales = x.scale.f32.begin() + r * x.scale.width();
  row.codes.s8.assign(codes, codes + x.codes.width());
  row.scale.f32.assign(scales, scales + x.scale.width());
  return row;
}

/// What expert e of so many gives for a row.
static Tensor groupedExpert(const Quantized &row, const GroupedExperts &experts, int64_t e, int64_t count) {
  Tensor h = groupedLinear(row, matrixOf(experts.weight, e, count), nullptr);
  for (float &number : h.f32)
    number = float(apply(experts.kind, number));
  if (experts.up) {
    Tensor factors = groupedLinear(row, matrixOf(*experts.up, e, count), nullptr);
    for (size_t n = 0; n < h.f32.size(); ++n)
      h.f32[n] *= factors.f32[n];
  }
  return groupedLinear(quantizeGroups(h, experts.values.group), matrixOf(experts.values, e, count), nullptr);
}

Tensor groupedExperts(const Quantized &x, const Tensor &gates, const GroupedExperts &experts) {
  const int64_t count = gates.width();
  Tensor y = ofWidth(gates, experts.values.rows / count);
  for (int64_t r = 0; r < gates.rows(); ++r) {
    std::vector<double> sums(static_cast<size_t>(y.width()));
    Quantized row = rowOf(x, r);
    for (int64_t e = 0; e < count; ++e) {
      float gate = gates.f32[r * count + e];
      if (gate == 0)
        continue;
      Tensor added = groupedExpert(row, experts, e, count);
      for (size_t m = 0; m < sums.size(); ++m)
        sums[m] += double(gate) * added.f32[m];
    }
    storeRow(y, r, sums);
  }
  return y;
}

Tensor nonzeroLinear(const Tensor &x, const Weight &weight, const float *bias) {
  Tensor y = ofWidth(x, weight.columns);
  for (int64_t r = 0; r < x.rows(); ++r) {
    std::vector<double> sums(static_cast<size_t>(y.width()));
    if (bias)
      sums.assign(bias, bias + y.width());
    for (int64_t k = 0; k < x.width(); ++k)
      if (float number = x.f32[r * x.width() + k]; number != 0)
        addRow(sums, number, weight, k);
    storeRow(y, r, sums);
  }
  return y;
}

} // namespace lmopt::lm::reference
