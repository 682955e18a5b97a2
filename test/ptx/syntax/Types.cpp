// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table of types serves both directions. Described in Types.h.
#include "test/ptx/syntax/Types.h"

namespace lmopt::ptx {

namespace {
struct TypeRow {
  const char *name;
  unsigned size;
  ScalarType type;
};
} // namespace

static constexpr TypeRow kTypes[] = {
    {"pred", 4, ScalarType::Pred}, {"b8", 1, ScalarType::B8},       {"b16", 2, ScalarType::B16},
    {"b32", 4, ScalarType::B32},   {"b64", 8, ScalarType::B64},     {"b128", 16, ScalarType::B128},
    {"u8", 1, ScalarType::U8},     {"u16", 2, ScalarType::U16},     {"u32", 4, ScalarType::U32},
    {"u64", 8, ScalarType::U64},   {"s8", 1, ScalarType::S8},       {"s16", 2, ScalarType::S16},
    {"s32", 4, ScalarType::S32},   {"s64", 8, ScalarType::S64},     {"f16", 2, ScalarType::F16},
    {"bf16", 2, ScalarType::BF16}, {"tf32", 4, ScalarType::TF32},   {"f32", 4, ScalarType::F32},
    {"f64", 8, ScalarType::F64},   {"f16x2", 4, ScalarType::F16x2}, {"bf16x2", 4, ScalarType::BF16x2},
};

ScalarType parseScalarType(std::string_view name) {
  for (const TypeRow &row : kTypes)
    if (name == row.name)
      return row.type;
  return ScalarType::None;
}

const char *nameOf(ScalarType type) {
  for (const TypeRow &row : kTypes)
    if (type == row.type)
      return row.name;
  return "none";
}

unsigned sizeOf(ScalarType type) {
  for (const TypeRow &row : kTypes)
    if (type == row.type)
      return row.size;
  return 0;
}

} // namespace lmopt::ptx
