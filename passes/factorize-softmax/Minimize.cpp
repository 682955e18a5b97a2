// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Limited-memory BFGS; see Minimize.h.
#include "passes/factorize-softmax/Minimize.h"

#include "dialects/lm/weights/LinearAlgebra.h"

#include <cmath>
#include <cstdint>
#include <deque>

namespace lmopt::lm {

using Vector = std::vector<double>;

static double dot(const Vector &a, const Vector &b) { return dot(a.data(), b.data(), static_cast<int64_t>(a.size())); }

static void subtract(Vector &y, const Vector &x, double factor) {
  subtract(y.data(), x.data(), factor, static_cast<int64_t>(y.size()));
}

namespace {

constexpr size_t kMemory = 8;
constexpr double kEnough = 1e-4; ///< of the fall that the gradient promises
constexpr int kHalvings = 30;

/// Steps and the changes of the gradient over them: what is known of the second derivatives.
class Curvature {
public:
  void add(Vector step, Vector change) {
    double product = dot(step, change);
    if (!(product > 0)) // the function is convex: only rounding gets here
      return;
    pairs.push_back({std::move(step), std::move(change), product});
    if (pairs.size() > kMemory)
      pairs.pop_front();
  }

  /// The direction to go against: the inverse of the second derivatives, as far as known, times the gradient.
  Vector direction(Vector gradient) const {
    std::vector<double> factors;
    for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair) {
      factors.push_back(dot(pair->step, gradient) / pair->product);
      subtract(gradient, pair->change, factors.back());
    }
    double scale = pairs.empty() ? 1 : pairs.back().product / dot(pairs.back().change, pairs.back().change);
    for (double &number : gradient)
      number *= scale;
    for (const Pair &pair : pairs) {
      double back = dot(pair.change, gradient) / pair.product;
      subtract(gradient, pair.step, back - factors.back());
      factors.pop_back();
    }
    return gradient;
  }

private:
  struct Pair {
    Vector step, change;
    double product;
  };
  std::deque<Pair> pairs;
};

} // namespace

double minimize(Vector &point, const Objective &objective, int steps) {
  Curvature curvature;
  Vector gradient(point.size()), next(point.size());
  double value = objective(point, gradient);
  for (int i = 0; i < steps; ++i) {
    Vector direction = curvature.direction(gradient), there;
    double slope = dot(gradient, direction), length = 1, found = value;
    for (int halving = 0; halving < kHalvings; ++halving, length /= 2) {
      there = point;
      subtract(there, direction, length);
      found = objective(there, next);
      if (found <= value - kEnough * length * slope)
        break;
    }
    if (!(found < value))
      break;
    Vector step = there, change = next;
    subtract(step, point, 1);
    subtract(change, gradient, 1);
    curvature.add(std::move(step), std::move(change));
    point = std::move(there), gradient = next, value = found;
  }
  return value;
}

} // namespace lmopt::lm
