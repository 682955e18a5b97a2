// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of tensor types: name, number in the file, elements and bytes of a block. Numbers that ggml has retired
// (4, 5, 31-33, 36-38) are absent.
// From: ggml's type table, as published by the Python package gguf. Tested by test/unit/files/DequantizeTest.cpp.
#include "files/gguf/Gguf.h"

using namespace lmopt;

static constexpr GgufTypeInfo kTypes[] = {
    {"f32", 0, 1, 4, true},         {"f16", 1, 1, 2, true},          {"q4_0", 2, 32, 18, true},
    {"q4_1", 3, 32, 20, true},      {"q5_0", 6, 32, 22, true},       {"q5_1", 7, 32, 24, true},
    {"q8_0", 8, 32, 34, true},      {"q8_1", 9, 32, 40, false},      {"q2_k", 10, 256, 84, true},
    {"q3_k", 11, 256, 110, true},   {"q4_k", 12, 256, 144, true},    {"q5_k", 13, 256, 176, true},
    {"q6_k", 14, 256, 210, true},   {"q8_k", 15, 256, 292, false},   {"iq2_xxs", 16, 256, 66, false},
    {"iq2_xs", 17, 256, 74, false}, {"iq3_xxs", 18, 256, 98, false}, {"iq1_s", 19, 256, 50, false},
    {"iq4_nl", 20, 32, 18, true},   {"iq3_s", 21, 256, 110, false},  {"iq2_s", 22, 256, 82, false},
    {"iq4_xs", 23, 256, 136, true}, {"i8", 24, 1, 1, false},         {"i16", 25, 1, 2, false},
    {"i32", 26, 1, 4, false},       {"i64", 27, 1, 8, false},        {"f64", 28, 1, 8, false},
    {"iq1_m", 29, 256, 56, false},  {"bf16", 30, 1, 2, true},        {"tq1_0", 34, 256, 54, false},
    {"tq2_0", 35, 256, 66, false},  {"mxfp4", 39, 32, 17, true},     {"nvfp4", 40, 64, 36, false},
    {"q1_0", 41, 128, 18, false},
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
