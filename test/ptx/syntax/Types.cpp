// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table of types serves both directions. Described in Types.h.
#include "test/ptx/syntax/Types.h"

namespace lmopt::ptx {

namespace {
struct TypeRow {
  ScalarType type;
  const char *name;
  unsigned size;
};
} // namespace

static constexpr TypeRow kTypes[] = {
    {ScalarType::Pred, "pred", 4}, {ScalarType::B8, "b8", 1},       {ScalarType::B16, "b16", 2},
    {ScalarType::B32, "b32", 4},   {ScalarType::B64, "b64", 8},     {ScalarType::B128, "b128", 16},
    {ScalarType::U8, "u8", 1},     {ScalarType::U16, "u16", 2},     {ScalarType::U32, "u32", 4},
    {ScalarType::U64, "u64", 8},   {ScalarType::S8, "s8", 1},       {ScalarType::S16, "s16", 2},
    {ScalarType::S32, "s32", 4},   {ScalarType::S64, "s64", 8},     {ScalarType::F16, "f16", 2},
    {ScalarType::BF16, "bf16", 2}, {ScalarType::TF32, "tf32", 4},   {ScalarType::F32, "f32", 4},
    {ScalarType::F64, "f64", 8},   {ScalarType::F16x2, "f16x2", 4}, {ScalarType::BF16x2, "bf16x2", 4},
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
