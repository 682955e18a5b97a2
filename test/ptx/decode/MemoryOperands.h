// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modifiers that all accesses to memory have: order, scope, state space, hints for caches.
#ifndef LMOPT_TEST_PTX_DECODE_MEMORYOPERANDS_H
#define LMOPT_TEST_PTX_DECODE_MEMORYOPERANDS_H

#include "test/ptx/decode/Decoder.h"

namespace lmopt::ptx {

constexpr uint32_t kMostVectorBytes = 32;

Ordering takeOrdering(StatementDecoder &statement, std::initializer_list<Ordering> allowed, Ordering otherwise);
void takeScope(StatementDecoder &statement);
StateSpace takeSpace(StatementDecoder &statement);
bool takeCacheHints(StatementDecoder &statement);
void takePolicy(StatementDecoder &statement, bool hasPolicy);

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_DECODE_MEMORYOPERANDS_H
