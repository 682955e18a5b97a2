// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of tensor types: number in the file, name, elements and bytes of a block. Numbers that ggml has retired
// (4, 5, 31-33, 36-38) are absent.
// From: ggml's type table, as published by the Python package gguf. Tested by test/unit/frontends/DequantizeTest.cpp.
#include "frontends/gguf/Gguf.h"

using namespace lmopt;

static constexpr GgufTypeInfo kTypes[] = {
    {0, "f32", 1, 4, true},          {1, "f16", 1, 2, true},          {2, "q4_0", 32, 18, true},
    {3, "q4_1", 32, 20, true},       {6, "q5_0", 32, 22, true},       {7, "q5_1", 32, 24, true},
    {8, "q8_0", 32, 34, true},       {9, "q8_1", 32, 40, false},      {10, "q2_k", 256, 84, false},
    {11, "q3_k", 256, 110, false},   {12, "q4_k", 256, 144, true},    {13, "q5_k", 256, 176, true},
    {14, "q6_k", 256, 210, true},    {15, "q8_k", 256, 292, false},   {16, "iq2_xxs", 256, 66, false},
    {17, "iq2_xs", 256, 74, false},  {18, "iq3_xxs", 256, 98, false}, {19, "iq1_s", 256, 50, false},
    {20, "iq4_nl", 32, 18, false},   {21, "iq3_s", 256, 110, false},  {22, "iq2_s", 256, 82, false},
    {23, "iq4_xs", 256, 136, false}, {24, "i8", 1, 1, false},         {25, "i16", 1, 2, false},
    {26, "i32", 1, 4, false},        {27, "i64", 1, 8, false},        {28, "f64", 1, 8, false},
    {29, "iq1_m", 256, 56, false},   {30, "bf16", 1, 2, true},        {34, "tq1_0", 256, 54, false},
    {35, "tq2_0", 256, 66, false},   {39, "mxfp4", 32, 17, false},    {40, "nvfp4", 64, 36, false},
    {41, "q1_0", 128, 18, false},
};

const GgufTypeInfo *lmopt::ggufTypeInfo(uint32_t id) {
  for (const GgufTypeInfo &type : kTypes)
    if (type.id == id)
      return &type;
  return nullptr;
}

const GgufTypeInfo *lmopt::ggufTypeInfo(std::string_view name) {
  for (const GgufTypeInfo &type : kTypes)
    if (type.name == name)
      return &type;
  return nullptr;
}

std::string lmopt::ggufDecodableTypes() {
  std::string names;
  for (const GgufTypeInfo &type : kTypes)
    if (type.decodable)
      names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
}
