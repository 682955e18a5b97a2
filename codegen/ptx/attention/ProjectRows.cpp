// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ProjectRows.h.
#include "codegen/ptx/attention/ProjectRows.h"
#include "codegen/ptx/attention/CacheAccess.h"

#include "codegen/ptx/Rows.h"

using namespace mlir;

namespace lmopt::nvptx {

int64_t mostProjectedRows(const AttentionSpec &spec, int64_t rows) {
  return spec.projectionLearned ? rows * spec.projectedRows : rows;
}

Value projectedRows(Emitter &e, const AttentionSpec &spec, Value rows) {
  Value most = e.number(spec.projectedRows);
  return spec.projectionLearned ? most : e.min(rows, most);
}

Value firstProjectedRow(Emitter &e, const AttentionSpec &spec, Value first, Value segment) {
  return spec.projectionLearned ? e.mul(segment, spec.projectedRows) : first;
}

std::string projectionName(const AttentionSpec &spec) {
  if (!spec.projectedRows)
    return "";
  return (spec.projectionLearned ? "_learned" : "_means") + std::to_string(spec.projectedRows);
}

namespace {

using Values = Emitter::Values;

class ProjectEmitter {
public:
  ProjectEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a) : e(e), spec(spec), a(a), row(e.block()) {
    Value segment = e.atElement(a[2], e.blockY(), sizeof(lmopt_device_segment_t));
    first = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, first)));
    rows = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, rows)));
  }

  void run() {
    Value made = projectedRows(e, spec, rows);
    e.ifThen(e.less(row, made), [&] {
      Value to = e.add(firstProjectedRow(e, spec, first, e.blockY()), row);
      project(spec.width, made, a[0], e.atElement(a[3], to, bytesOf(spec.width)), 5);
      project(spec.valueWidth(), made, a[1], e.atElement(a[4], to, bytesOf(spec.valueWidth())), 6);
    });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  ValueRange a;
  Value row, first, rows;

  int64_t bytesOf(int64_t width) const { return rowBytes(spec.kvHeads * width, 4); }

  void project(int64_t width, Value made, Value from, Value to, size_t matrix) {
    Value of = e.atElement(from, first, bytesOf(width));
    e.loop(e.thread(), e.number(spec.kvHeads * width), AttentionSpec::kThreads, [&](Value i) {
      Value column = e.at(of, e.mul(i, 4));
      auto number = [&](Value t) { return e.load(e.f32(), e.atElement(column, t, bytesOf(width))); };
      e.store(spec.projectionLearned ? product(number, a[matrix]) : mean(number, made), e.at(to, e.mul(i, 4)));
    });
  }
  Value product(llvm::function_ref<Value(Value)> number, Value matrix) {
    Value shares = e.atElement(matrix, row, rowBytes(spec.projectionColumns, 4));
    return e.loop(e.number(0), rows, 1, Values{e.floatOf(0)}, [&](Value t, const Values &sum) {
      return Values{e.fma(e.load(e.f32(), e.at(shares, e.mul(t, 4))), number(t), sum[0])};
    })[0];
  }
  // Of the rows t with floor(s n / r) <= t < floor((s + 1) n / r), of row s of r.
  Value mean(llvm::function_ref<Value(Value)> number, Value made) {
    Value begin = e.div(e.mul(row, rows), made), end = e.div(e.mul(e.add(row, 1), rows), made);
    Value sum = e.loop(begin, end, 1, Values{e.floatOf(0)},
                       [&](Value t, const Values &so) { return Values{e.add(so[0], number(t))}; })[0];
    return e.div(sum, e.toFloat(e.sub(end, begin)));
  }
};

} // namespace

std::string projectRowsKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "project_rows_kv" + std::to_string(spec.kvHeads) + "_d" + widthsName(spec) + projectionName(spec);
  SmallVector<Kind> arguments(5, Kind::Memory);
  if (spec.projectionLearned) {
    name += "_x" + std::to_string(spec.projectionColumns);
    arguments.append(2, Kind::Constant);
  }
  return kernels.define(name + "_" + kernels.getTarget().chip, {AttentionSpec::kThreads}, arguments,
                        [=](Emitter &e, ValueRange a) { ProjectEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
