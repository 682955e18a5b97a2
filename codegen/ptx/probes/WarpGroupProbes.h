// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Probes of wgmma, for sm_90a alone. See Probes.h.
#ifndef LMOPT_CODEGEN_PTX_PROBES_WARPGROUPPROBES_H
#define LMOPT_CODEGEN_PTX_PROBES_WARPGROUPPROBES_H

#include "codegen/ptx/KernelLibrary.h"

namespace lmopt::nvptx {

void defineWarpGroupProbes(KernelLibrary &kernels);

/// The number of a thread in the grid.
Emitter::Value probeThread(Emitter &e, int64_t threads);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PROBES_WARPGROUPPROBES_H
