// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that do one thing only, so that their time is a bound: reading and copying memory, products of each unit,
// nothing at all. In: a library of kernels for one architecture. Out: the probes that it can run, by the names below.
// tools/lmopt emits them when it is built (EmitProbes.cpp), `lmopt bench --device` and script/gpu-check time them.
// Source: ptx.md 5.4, 6. Tested by test/unit/codegen/ptx/ProbesTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_PROBES_PROBES_H
#define LMOPT_CODEGEN_PTX_PROBES_PROBES_H

#include "codegen/ptx/KernelLibrary.h"

namespace lmopt::nvptx {

/// All blocks have this many threads but those of wgmma, which are one warp group.
constexpr int64_t kProbeThreads = 256;
constexpr int64_t kWarpGroupThreads = 128;
/// Pieces of 16 bytes that a thread has under way in probe_read and probe_copy.
constexpr int64_t kProbePieces = 4;
/// Products under way in a warp, and bytes of operands that all warps share: one A operand, then the B operands.
constexpr int64_t kProbeChains = 8;
constexpr int64_t kProbeOperandBytes = 512 + kProbeChains * 256;
/// Of wgmma: 64 x 128 bytes for A, 256 x 128 bytes for B.
constexpr int64_t kProbeTileBytes = (64 + 256) * 128;

/// probe_empty()
/// probe_read(in, out, turns, stride)   reads turns * kProbePieces * stride pieces of 16 bytes, where stride is the
///                                      number of threads; out: a word a thread, the xor of what it read
/// probe_copy(in, out, turns, stride)   copies as many
/// probe_fma_f32(in, out, turns)        x = x * a + b, kProbeFmas numbers a thread; in: a, b; out: their sum
/// probe_mma_u8s8, probe_mma_bf16(in, out, turns)      kProbeChains products a turn and warp; out: 4 words a thread
/// probe_wgmma_s8s8, probe_wgmma_bf16(in, out, turns)  4 products of 64 x 256 x 32 bytes a turn; sm_90a; out: a word a
///                                                     thread
/// probe_barrier(counter, turns, blocks)  a grid barrier a turn; cooperative; the counter is 0 before
void defineProbes(KernelLibrary &kernels);

constexpr int64_t kProbeFmas = 16;
constexpr int64_t kProbeTileProducts = 4; ///< of wgmma in a turn

/// What a block does in a turn: bytes that are read or written, or operations (a product and a sum are two). 0 where
/// nothing is counted.
int64_t workOfProbe(llvm::StringRef name);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PROBES_PROBES_H
