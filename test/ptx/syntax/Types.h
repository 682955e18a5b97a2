// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scalar types and state spaces of PTX, their names and sizes.
//
// In: the spelling after a dot. Out: an enumerator, or None for what is not a type: nothing is guessed.
// Source: PTX ISA, chapter "State Spaces, Types, and Variables". Tested by test/ptx/unit/ParserTest.cpp.
#ifndef LMOPT_TEST_PTX_SYNTAX_TYPES_H
#define LMOPT_TEST_PTX_SYNTAX_TYPES_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lmopt::ptx {

enum class ScalarType : uint8_t {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  B128,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  BF16,
  TF32,
  F32,
  F64,
  F16x2,
  BF16x2,
};

enum class StateSpace : uint8_t { Generic, Global, Shared, Constant, Local, Parameter };

/// The type of this name ("u32"), or None.
ScalarType parseScalarType(std::string_view name);
const char *nameOf(ScalarType type);
/// Bytes in memory. Pred has none and counts as 4, the bytes of its register.
unsigned sizeOf(ScalarType type);

inline bool isSigned(ScalarType type) { return type >= ScalarType::S8 && type <= ScalarType::S64; }
inline bool isUnsigned(ScalarType type) { return type >= ScalarType::U8 && type <= ScalarType::U64; }
inline bool isInteger(ScalarType type) { return isSigned(type) || isUnsigned(type); }
inline bool isUntyped(ScalarType type) { return type >= ScalarType::B8 && type <= ScalarType::B128; }
inline bool isFloat(ScalarType type) { return type >= ScalarType::F16 && type <= ScalarType::BF16x2; }

/// What is wrong with a text or with a launch. Thrown inside the library only: its borders return Result.
class PtxError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_SYNTAX_TYPES_H
